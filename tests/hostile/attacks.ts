import { envelope, prefix, receipt, type Frame, type Line } from './wire.ts';

/** A job in the hands of a hostile peer. */
export interface Work {
  readonly job: { readonly [key: string]: Frame[string] };
  readonly asker: string;
  readonly worker: string;
  readonly signer: { readonly seed: Buffer; readonly key: Buffer };
  readonly line: Line;
}

type Attack = (work: Work) => Promise<void>;

const accepted: Frame = { t: 'accepted', position: 0, etaMs: 0 };
const nonsense = ['zip ', 'zap ', 'zop ', 'zup'];
const forever = () => new Promise<never>(() => undefined);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A whole answer, right but for the lie. */
async function answer(
  { job, asker, worker, signer, line }: Work,
  texts: readonly string[],
  lie: Frame = {},
  tokens = 1,
) {
  line.send(accepted);
  for (const text of texts) line.send({ t: 'part', part: { type: 'text-delta', text, tokens } });
  const payload = receipt(job, { asker, worker, texts, tokens }, lie);
  const usage = { tokensIn: 3, tokensOut: texts.length * tokens };
  line.send({ t: 'finish', reason: 'stop', usage, receipt: envelope('receipt', payload, signer) });
  line.end();
}

const refuse =
  (code: string): Attack =>
  async ({ line }) => {
    line.send({ t: 'refused', code, message: 'no' });
    line.end();
  };
const fail =
  (code: string): Attack =>
  async ({ line }) => {
    line.send(accepted);
    line.send({ t: 'error', code, message: 'no' });
    line.end();
  };

/** By the row of the list of faults that each stands for. Written against the wire, not against our sessions. */
export const attacks = {
  'A1 a length past every limit': async ({ line }) => {
    line.send(accepted);
    line.sendBytes(prefix(262_145));
    await forever();
  },
  'A1 garbage after accepting': async ({ line }) => {
    line.send(accepted);
    line.sendBytes(Buffer.from('03ffff10', 'hex'));
    await forever();
  },
  'A2 busy with free slots': refuse('busy'),
  'A2 accepted, then too long': fail('too-long'),
  'A2 accepted, then the request is wrong': fail('bad-request'),
  'A3 silent from the start': forever,
  'A3 silent after accepting': async ({ line }) => {
    line.send(accepted);
    await forever();
  },
  'A3 drops before the first word': async ({ line }) => {
    line.send(accepted);
    line.abort();
  },
  'A3 drops after a word': async ({ line }) => {
    line.send(accepted);
    line.send({ t: 'part', part: { type: 'text-delta', text: 'the', tokens: 1 } });
    await pause(50);
    line.abort();
  },
  'A4 fast nonsense': (work) => answer(work, nonsense),
  'A4 an empty answer': (work) => answer(work, []),
  'A4 false counts': (work) => answer(work, nonsense, {}, 500),
  'A4 a receipt for something else': (work) => answer(work, nonsense, { outputRoot: 'a'.repeat(64) }),
  'A4 a forked chain': (work) => answer(work, nonsense, { prevWorker: 'f'.repeat(64) }),
  'A7 the time is up': fail('deadline'),
  'A14 frames after the last': async (work) => {
    await answer(work, nonsense);
    work.line.send({ t: 'part', part: { type: 'text-delta', text: 'more', tokens: 1 } });
  },
  'A15 first in the queue for ever': async ({ line }) => {
    for (;;) {
      line.send({ t: 'accepted', position: 1, etaMs: 100 });
      await pause(1_000);
    }
  },
} as const satisfies Readonly<Record<string, Attack>>;

export type AttackName = keyof typeof attacks;
