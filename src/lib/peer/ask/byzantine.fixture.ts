import type { WorkerFrame } from '#lib/protocol/frame.ts';
import { rowOf } from '#lib/protocol/job.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import type { Stage } from '../peer.fixture.ts';

/** Frames for the script of a byzantine worker: one that speaks the protocol and breaks its rules. */
export const accepted: WorkerFrame = { t: 'accepted', position: 0, etaMs: 0 };
export const part = (text: string, tokens = 1): WorkerFrame => ({
  t: 'part',
  part: { type: 'text-delta', text, tokens },
});

/** The correct `finish` of an answer made of `texts`, except for what `change` falsifies. */
export async function finishOf(
  stage: Stage,
  texts: readonly string[],
  change: Partial<Extract<WorkerFrame, { t: 'finish' }>> = {},
) {
  const output = createOutputRoot(rowOf(stage.job).outputHash);
  for (const text of texts) output.add({ type: 'text-delta', text, tokens: 1 });
  const receipt = await stage.book.issue({
    job: stage.job,
    asker: stage.asker,
    engine: { name: 'byzantine', build: '1', deviceClass: 'test' },
    output: output.summary(),
    reason: change.reason ?? 'stop',
    tokensIn: 3,
    timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
    price: stage.job.payment?.price ?? { in: '0', out: '0' },
  });
  const usage = { tokensIn: 3, tokensOut: texts.length };
  return { t: 'finish', reason: 'stop', usage, receipt, ...change } as const;
}
