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
 * 5. From then on every job is answered, all but one of them by honest workers, in a median time at most 1.3 times what the
 *    links and the engine take; and no honest worker is ever held to have signed two histories.
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
  /** What a job takes where nothing is in its way. */
  readonly quietMs: number;
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
  tookMs: number;
  isOver: boolean;
}

interface Listing {
  names: ReadonlySet<string>;
  isStale: boolean;
}

const endings: readonly JobEvent['type'][] = ['job-finished', 'job-failed', 'job-cancelled'];
/** After its deadline, a job may wait this long for a worker's settlement. */
const graceMs = 5_000;

/** Of the jobs in the calm: a newcomer has its try now and then. */
const byOthersMax = 1;
const slowdownMax = 1.3;

export function createInvariants(components: InvariantsComponents): Invariants {
  const { clock, network, peers, honest, quietMs, note } = components;
  const jobs = new Map<number, Asked>();
  const open = new Set<Asked>();
  const runs = new Set<string>();
  const found: string[] = [];
  const isHonestName = new Set<Name>(honest);
  let names: ReadonlyMap<PeerId, Name> = new Map();
  let failure: Omit<Failure, 'seed'> | undefined;
  const listings = new WeakMap<Peer, Listing>();

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
    if (endings.includes(event.type)) {
      job.ends += 1;
      job.tookMs = clock.elapsed() - job.atMs;
    }
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
  /** What a directory lists, read again after each of its changes and not at every step. */
  const listedBy = (name: Name, peer: Peer): ReadonlySet<string> => {
    const known = listings.get(peer) ?? { names: new Set(), isStale: true };
    if (!listings.has(peer)) {
      listings.set(peer, known);
      peer.directory.onChange(() => (known.isStale = true));
    }
    if (!known.isStale) return known.names;
    known.isStale = false;
    const before = [...known.names].join(' ');
    known.names = new Set(
      peer.directory
        .entries()
        .map(({ offer }) => nameOf(offer.peer))
        .toSorted(),
    );
    const now = [...known.names].join(' ');
    if (now !== before) note(`${name} lists ${now}`);
    return known.names;
  };
  const checkDirectories = () => {
    for (const [name, peer] of peers) {
      if (name.startsWith('worker')) continue;
      const listed = listedBy(name, peer);
      if (clock.elapsed() <= phases.convergedMs) continue;
      for (const worker of honest) {
        if (peers.has(worker) && !listed.has(worker)) fail(`${name} does not list ${worker}`);
        if (!peers.has(worker) && listed.has(worker)) fail(`${name} still lists ${worker}`);
      }
    }
  };
  const checkForks = () => {
    for (const [name, peer] of peers) {
      for (const fork of peer.reputation.forks.list()) {
        if (isHonest(fork.peer)) fail(`${name} holds ${nameOf(fork.peer)} to have signed two histories`);
      }
    }
  };
  const countCalm = (): SeedReport['calm'] => {
    const calm = [...jobs.values()].filter(({ phase, state }) => phase === 'calm' && state.phase === 'finished');
    const byHonest = calm.filter(({ state }) => isHonest(state.worker!.peer));
    const times = calm.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
    return { jobs: calm.length, honest: byHonest.length, slowdown: (times[times.length >> 1] ?? 0) / quietMs };
  };
  const checkCalm = () => {
    const { jobs: finished, honest: byHonest, slowdown } = countCalm();
    if (finished - byHonest > byOthersMax) fail(`honest workers gave ${byHonest} of ${finished} answers in the calm`);
    if (slowdown > slowdownMax) fail(`answers in the calm took ${slowdown.toFixed(2)} times what they need`);
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
        tookMs: 0,
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
      checkCalm();
      // One find stream for each peer and relay, and one again where a peer was frozen and came back.
      const channelsMax = 4 * names.size;
      if (network.openChannels > channelsMax) fail(`${network.openChannels} channels are left open`);
      conclude(step);
    },
    fail,
    count() {
      const all = [...jobs.values()];
      const of = (phase: JobState['phase']) => all.filter(({ state }) => state.phase === phase).length;
      return {
        jobs: { finished: of('finished'), failed: of('failed'), cancelled: of('cancelled') },
        calm: countCalm(),
        resumed: all.filter(
          ({ state }) => state.attempts.filter(({ fromToken, toToken }) => toToken > fromToken).length > 1,
        ).length,
      };
    },
  };
}
