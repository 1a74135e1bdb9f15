import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#lib/base/clock.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { emptyOutput, foldOutput } from '#lib/protocol/output.ts';
import { chat, eventually, model, run, startPeer, startRelay } from '../integration/peer/ground.ts';
import { checkJob, emptyReport, noteKill, type Report, type WholeAnswer } from './report.ts';

/** Ways in which a process goes, and the longest until another one has said the next token, in milliseconds. */
const kinds = { killed: 4_500, frozen: 9_000 } as const;
type Kind = keyof typeof kinds;

const workersMax = 3;
const tokensPerSecond = 100;
const answerTokens = 5_000;
const request = (round: number) => chat(`kill ${round}`, { params: { maxTokens: 180, temperature: 0 } });

interface Worker {
  readonly child: ChildProcess;
  readonly peer: string;
}

/** Kills and freezes worker processes in the middle of answers that come over real libp2p on loopback. */
export async function resumeOverLibp2p({
  kills,
  seed = 1,
  frozenShare = 0.3,
  pauses = 'bounded',
}: {
  readonly kills: number;
  readonly seed?: number;
  /** Of the kills, those that leave the connections of the process open. */
  readonly frozenShare?: number;
  /** `any`: on a machine that does other things as well, a pause that is too long says nothing. */
  readonly pauses?: 'bounded' | 'any';
}): Promise<Report> {
  const random = seededRandom(seed);
  const report = emptyReport();
  const relay = await startRelay(201);
  const asker = await startPeer(202, relay.address);
  const workers = new Map<string, Worker>();
  let number = 202;

  const spawn = async () => {
    const path = fileURLToPath(new URL('../integration/peer/worker.process.ts', import.meta.url));
    const child = fork(path, [String(++number % 200), relay.address(), String(tokensPerSecond)], { execArgv: [] });
    const peer = await new Promise<string>((resolve) =>
      child.once('message', (message) => resolve((message as { peer: string }).peer)),
    );
    await eventually(() => asker.directory.get(peer) !== undefined);
    workers.set(peer, { child, peer });
  };
  const kill = (kind: Kind, { child, peer }: Worker) => {
    child.kill(kind === 'killed' ? 'SIGKILL' : 'SIGSTOP');
    workers.delete(peer);
    return () => child.kill('SIGKILL');
  };

  try {
    const whole = await undisturbed();
    for (let round = 0; report.kills < kills; round++) {
      while (workers.size < workersMax) await spawn();
      const cut = Math.floor(random.float() * 179);
      const kind: Kind = random.float() < frozenShare ? 'frozen' : 'killed';
      await killOnce({ asker, round, cut, kind, whole });
    }
  } finally {
    for (const { child } of workers.values()) child.kill('SIGKILL');
    await asker.stop();
    await relay.peer.stop();
  }
  return report;

  async function killOnce(job: {
    readonly asker: Peer;
    readonly round: number;
    readonly cut: number;
    readonly kind: Kind;
    readonly whole: (round: number) => Promise<WholeAnswer>;
  }) {
    let killedAt: number | undefined;
    let bury: (() => void) | undefined;
    const state = await run(job.asker.consumer, request(job.round), {
      onEvent: (_event, { tokens, worker, phase }) => {
        const victim = worker && workers.get(worker.peer);
        if (killedAt !== undefined || !victim || phase === 'opening' || tokens < job.cut) return;
        killedAt = systemClock.now();
        bury = kill(job.kind, victim);
      },
    });
    const nextAt = state.attempts.find(({ firstTokenAt = 0 }) => firstTokenAt > (killedAt ?? Infinity))?.firstTokenAt;
    const gapMs = nextAt === undefined || killedAt === undefined ? undefined : nextAt - killedAt;
    bury?.();
    const where = `round ${job.round}, after ${job.cut}`;
    noteKill(report, { where, kind: job.kind, gapMs, allowedMs: pauses === 'any' ? Infinity : kinds[job.kind] });
    checkJob(report, where, state, await job.whole(job.round));
  }
}

/** What the same engine says to the same request when nothing happens to it. */
async function undisturbed(): Promise<(round: number) => Promise<WholeAnswer>> {
  const loaded = await model({ answerTokens }, 0);
  return async (round) => {
    const { kind, input, params } = request(round);
    let output = emptyOutput;
    for await (const event of loaded.doStream({ kind, input, params } as Parameters<typeof loaded.doStream>[0], {})) {
      if (event.type === 'finish') return { output, usage: event.usage, reason: event.reason };
      output = foldOutput(output, event);
    }
    throw new Error('no finish');
  };
}
