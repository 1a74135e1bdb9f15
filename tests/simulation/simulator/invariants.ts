import type { ManualClock } from '#lib/base/clock.fixture.ts';
import type { MemoryNetwork } from '#lib/net/memory.fixture.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { initialJob, isOver, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { jobDeadlineMs, phases, type Action, type Name } from './plan.ts';
import { answerTokens, slots, truthOf } from './residents.ts';
import type { Failure, SeedReport } from './simulate.ts';

/**
 * What holds at every moment of a run:
 *
 * 1. A job that was asked ends, by its deadline and a little more, exactly once, and nothing comes after its end.
 * 2. What honest workers said of an answer is always a beginning of the one right answer, and at its end all of it, whoever
 *    of them said which part; every check of the receipt holds. No worker runs the same part of a job twice in one life.
 * 3. No queue is longer than its limit, and none waits beside a free slot.
 * 4. Once the faults are mended, every asker's directory comes to list the honest workers that are there and no others.
 * 5. From then on every job is answered, and no honest worker is ever held to have signed two histories.
 */
export interface Invariants {
  readonly failure: Omit<Failure, 'seed'> | undefined;
  name(names: ReadonlyMap<PeerId, Name>): void;
  ask(asker: Peer, action: Extract<Action, { type: 'ask' }>): void;
  cancel(job: number): void;
  onRun(life: string, run: string, change: 'begins' | 'ends'): void;
  check(step: number): void;
  checkEnd(step: number): void;
  fail(message: string): void;
  count(): Pick<SeedReport, 'jobs' | 'calm' | 'resumed'>;
}

export interface InvariantsComponents {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  /** Those that live now. */
  readonly peers: ReadonlyMap<Name, Peer>;
  readonly honest: readonly Name[];
  readonly note: (line: string) => void;
}

interface Asked {
  readonly number: number;
  readonly phase: 'turmoil' | 'calm';
  readonly atMs: number;
  readonly truth: string;
  readonly stop: AbortController;
  state: JobState;
  ends: number;
  isOver: boolean;
}

const endings: readonly JobEvent['type'][] = ['job-finished', 'job-failed', 'job-cancelled'];
/** After its deadline, a job may wait this long for a worker's settlement. */
const graceMs = 5_000;

export function createInvariants({ clock, network, peers, honest, note }: InvariantsComponents): Invariants {
  const jobs = new Map<number, Asked>();
  const open = new Set<Asked>();
  const runs = new Set<string>();
  const found: string[] = [];
  const isHonestName = new Set<Name>(honest);
  let names: ReadonlyMap<PeerId, Name> = new Map();
  let failure: Omit<Failure, 'seed'> | undefined;
  const listed = new Map<Name, string>();

  const fail = (message: string) => void found.push(message);
  const nameOf = (peer: PeerId) => names.get(peer) ?? 'unknown';
  const isHonest = (peer: PeerId) => isHonestName.has(nameOf(peer) as Name);
  /** Whether a hostile worker had a part in the answer, be it the end alone. */
  const hasLies = ({ attempts }: JobState) =>
    attempts.some(
      ({ worker, fromCharacter, toCharacter, outcome }) =>
        (toCharacter > fromCharacter || outcome === 'finished') && !isHonest(worker.peer),
    );

  const onEvent = (job: Asked, event: JobEvent) => {
    const where = `job ${job.number}`;
    if (job.ends > 0) fail(`${where}: ${event.type} came after its end`);
    if (endings.includes(event.type)) job.ends += 1;
    const before = job.state;
    job.state = reduceJob(before, event);
    if (job.state === before && event.type !== 'part-received')
      fail(`${where}: ${event.type} in phase ${before.phase}`);
    const { state } = job;
    if (event.type === 'part-received') note(`${where} ${state.tokens}`);
    else note(`${where} ${event.type} ${state.worker ? nameOf(state.worker.peer) : ''} ${state.error?.code ?? ''}`);
    if (state.attempts.length > limits.jobAttemptsMax) fail(`${where}: ${state.attempts.length} attempts`);
    if (hasLies(state)) return;
    if (!job.truth.startsWith(state.text)) fail(`${where}: token ${state.tokens} is not the one that belongs there`);
    if (event.type !== 'job-finished') return;
    if (state.text !== job.truth || state.tokens !== answerTokens) fail(`${where}: ended after ${state.tokens} tokens`);
    const broken = Object.entries(event.receiptCheck).filter(([, holds]) => !holds);
    if (broken.length > 0 && isHonest(state.worker!.peer))
      fail(`${where}: the receipt’s ${String(broken[0]![0])} fails`);
  };

  const checkJobs = () => {
    for (const job of open) {
      if (job.isOver) {
        open.delete(job);
        if (job.ends !== 1 || !isOver(job.state)) fail(`job ${job.number}: ended ${job.ends} times`);
        if (job.phase === 'calm' && job.state.phase !== 'finished') {
          fail(`job ${job.number}: ${job.state.phase} in the calm (${job.state.error?.code})`);
        }
      } else if (clock.elapsed() > job.atMs + jobDeadlineMs + graceMs) {
        fail(`job ${job.number}: still ${job.state.phase} long after its deadline`);
      }
    }
  };
  const checkQueues = () => {
    for (const [name, peer] of peers) {
      const { running, queued, phase } = peer.provider.state;
      if (running > slots) fail(`${name}: ${running} jobs run in ${slots} slots`);
      if (queued > limits.workerQueueMax) fail(`${name}: ${queued} jobs wait`);
      if (queued > 0 && running < slots && phase === 'serving') fail(`${name}: ${queued} wait beside a free slot`);
      if (peer.directory.size > limits.directoryOffersMax) fail(`${name}: ${peer.directory.size} offers kept`);
    }
  };
  const checkDirectories = () => {
    for (const [name, peer] of peers) {
      if (name.startsWith('worker')) continue;
      const now = peer.directory
        .entries()
        .map(({ offer }) => nameOf(offer.peer))
        .toSorted()
        .join(' ');
      if (listed.get(name) !== now) note(`${name} lists ${now}`);
      listed.set(name, now);
      if (clock.elapsed() <= phases.convergedMs) continue;
      const missing = honest.filter((worker) => peers.has(worker) && !now.split(' ').includes(worker));
      const dead = honest.filter((worker) => !peers.has(worker) && now.split(' ').includes(worker));
      if (missing.length > 0) fail(`${name} does not list ${missing.join(', ')}`);
      if (dead.length > 0) fail(`${name} still lists ${dead.join(', ')}`);
    }
  };
  const checkForks = () => {
    for (const [name, peer] of peers) {
      for (const fork of peer.reputation.forks.list()) {
        if (isHonest(fork.peer)) fail(`${name} holds ${nameOf(fork.peer)} to have signed two histories`);
      }
    }
  };
  const conclude = (step: number) => {
    if (found[0] !== undefined) failure ??= { step, atMs: clock.elapsed(), message: found[0] };
  };

  return {
    get failure() {
      return failure;
    },
    name: (all) => {
      names = all;
    },
    ask(asker, { job: number, phase }) {
      const prompt = `question ${number}`;
      const job: Asked = {
        number,
        phase,
        atMs: clock.elapsed(),
        truth: truthOf(prompt).join(''),
        stop: new AbortController(),
        state: initialJob,
        ends: 0,
        isOver: false,
      };
      jobs.set(number, job);
      open.add(job);
      const request = {
        model: 'any',
        kind: 'completion',
        input: { prompt },
        params: { maxTokens: 100, temperature: 0 },
        tier: 'open',
        deadlineMs: jobDeadlineMs,
      } as const;
      const follow = async () => {
        try {
          for await (const event of asker.consumer.ask(request, { signal: job.stop.signal })) onEvent(job, event);
        } catch (error) {
          fail(`job ${number}: ${String(error)}`);
        }
        job.isOver = true;
      };
      void follow();
    },
    cancel: (job) => jobs.get(job)?.stop.abort(),
    onRun(life, run, change) {
      note(`${life} ${change} ${run}`);
      if (change === 'begins' && runs.has(`${life} ${run}`)) fail(`${life} runs ${run} again`);
      runs.add(`${life} ${run}`);
    },
    check(step) {
      checkJobs();
      checkQueues();
      checkDirectories();
      conclude(step);
    },
    checkEnd(step) {
      for (const { number } of open) fail(`job ${number}: never ended`);
      for (const [name, { provider }] of peers) {
        if (provider.state.running + provider.state.queued > 0) fail(`${name}: works for nobody`);
      }
      checkForks();
      // One find stream for each peer and relay, and one again where a peer was frozen and came back.
      const channelsMax = 4 * names.size;
      if (network.openChannels > channelsMax) fail(`${network.openChannels} channels are left open`);
      conclude(step);
    },
    fail,
    count() {
      const all = [...jobs.values()];
      const of = (phase: JobState['phase']) => all.filter(({ state }) => state.phase === phase).length;
      const calm = all.filter((job) => job.phase === 'calm');
      const byHonest = calm.filter(({ state }) => state.phase === 'finished' && isHonest(state.worker!.peer));
      return {
        jobs: { finished: of('finished'), failed: of('failed'), cancelled: of('cancelled') },
        calm: { jobs: calm.length, honest: byHonest.length },
        resumed: all.filter(
          ({ state }) => state.attempts.filter(({ fromToken, toToken }) => toToken > fromToken).length > 1,
        ).length,
      };
    },
  };
}
