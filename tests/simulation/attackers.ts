import type { WorkerFrame } from '#lib/protocol/frame.ts';
import { rowOf, type Job } from '#lib/protocol/job.ts';
import { encodeWorkerFrame } from '#lib/protocol/frame.ts';
import type { Channel } from '#lib/net/spec.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Signer } from '#lib/protocol/envelope.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';

/** What a hostile worker has in its hands when a job comes. */
export interface AttackedJob {
  readonly job: Job;
  readonly asker: string;
  readonly signer: Signer;
  readonly channel: Channel;
  readonly clock: Clock;
  /** Jobs this identity has had before. */
  readonly before: number;
  /** The answer an honest worker of the simulation would give. */
  readonly truth: readonly string[];
}

/** What it does with the job; the channel is closed when the promise settles. */
export type Attack = (attempt: AttackedJob) => Promise<void>;

export const byzantineEngine = { name: 'byzantine', build: '1', deviceClass: 'test' } as const;

const accepted: WorkerFrame = { t: 'accepted', position: 0, etaMs: 0 };
const forever = () => new Promise<never>(() => undefined);
const send = ({ channel }: AttackedJob, frame: WorkerFrame) => channel.send(encodeWorkerFrame(frame));
const text = (of: string, tokens = 1): WorkerFrame => ({ t: 'part', part: { type: 'text-delta', text: of, tokens } });
const nonsense = ['zip ', 'zap ', 'zop ', 'zup'];

interface Lie {
  readonly tokens?: number;
  readonly prevWorker?: string;
  readonly tokensIn?: number;
  readonly outputRoot?: string;
}

/** A whole answer with a receipt that holds, but for the lie. */
async function answer(attempt: AttackedJob, texts: readonly string[], lie: Lie = {}): Promise<void> {
  const { job, asker, signer, clock, before } = attempt;
  const { tokens = 1 } = lie;
  await send(attempt, accepted);
  const output = createOutputRoot(rowOf(job).outputHash);
  for (const one of texts) {
    output.add({ type: 'text-delta', text: one, tokens });
    await send(attempt, text(one, tokens));
  }
  const summary = output.summary();
  const { envelope } = issueReceipt(
    {
      job,
      asker,
      engine: byzantineEngine,
      output: lie.outputRoot === undefined ? summary : { ...summary, outputRoot: lie.outputRoot },
      reason: 'stop',
      tokensIn: 3,
      timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
      price: { in: '0', out: '0' },
      prevWorker: lie.prevWorker ?? before.toString(16).padStart(64, 'e'),
      issuedAt: Math.floor(clock.now()),
    },
    signer,
  );
  const usage = { tokensIn: lie.tokensIn ?? 3, tokensOut: texts.length * tokens };
  await send(attempt, { t: 'finish', reason: 'stop', usage, receipt: envelope });
}

const refuse =
  (code: string): Attack =>
  (attempt) =>
    send(attempt, { t: 'refused', code, message: 'no' });
const fail =
  (code: string): Attack =>
  async (attempt) => {
    await send(attempt, accepted);
    await send(attempt, { t: 'error', code, message: 'no' });
  };

/** By the row of the list of faults that each stands for. */
export const attacks = {
  'A1 garbage after accepting': async (attempt) => {
    await send(attempt, accepted);
    await attempt.channel.send(Uint8Array.of(0xff, 0xff, 0x10));
    await forever();
  },
  'A2 busy with free slots': refuse('busy'),
  'A2 the request is wrong': refuse('bad-request'),
  'A2 accepted, then too long': fail('too-long'),
  'A2 accepted, then the request is wrong': fail('bad-request'),
  'A3 silent from the start': forever,
  'A3 silent after accepting': async (attempt) => {
    await send(attempt, accepted);
    await forever();
  },
  'A3 drops before the first word': async (attempt) => {
    await send(attempt, accepted);
    attempt.channel.abort(new Error('gone'));
  },
  'A3 drops after a word': async (attempt) => {
    await send(attempt, accepted);
    await send(attempt, text(attempt.truth[0] ?? ''));
    attempt.channel.abort(new Error('gone'));
  },
  'A4 fast nonsense': (attempt) => answer(attempt, nonsense),
  'A4 an empty answer': (attempt) => answer(attempt, []),
  'A4 false counts': (attempt) => answer(attempt, nonsense, { tokens: 500 }),
  'A4 a receipt for something else': (attempt) => answer(attempt, nonsense, { outputRoot: 'a'.repeat(64) }),
  'A4 a forked chain': (attempt) => answer(attempt, attempt.truth, { prevWorker: 'f'.repeat(64) }),
  'A7 the time is up': fail('deadline'),
  'A14 frames after the last': async (attempt) => {
    await answer(attempt, attempt.truth);
    await send(attempt, text('more'));
  },
  'A15 first in the queue for ever': async (attempt) => {
    for (;;) {
      await send(attempt, { t: 'accepted', position: 1, etaMs: 100 });
      await attempt.clock.delay(1_000);
    }
  },
} as const satisfies Readonly<Record<string, Attack>>;
