import { TabloomError } from '#lib/base/errors.ts';
import type { JobState } from '#lib/peer/lifecycle.ts';
import type { ReceiptCheck } from '#lib/peer/spec.ts';
import { rowOf } from '#lib/protocol/job.ts';
import { checkReceipt, tryOpenReceipt } from '#lib/trust/check.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';

/**
 * Checks a kept receipt again, offline: from its bytes, the job as sent, and the text and token ids as received. What an
 * offer said of the price is not kept; the price is taken from the receipt.
 * @throws `no-receipt` when the answer never got one.
 */
export function verifyAnswer(answer: JobState, ids: readonly number[] | undefined): ReceiptCheck {
  const { job, worker, receipt: signed, reason, usage } = answer;
  if (!job || !worker || !signed || !reason || !usage)
    throw new TabloomError('no-receipt', 'This answer has no receipt to check.');
  const opened = tryOpenReceipt(signed.receipt);
  if (!opened) return { signature: false, worker: false, prompt: false, output: false, counts: false };
  const receipt = opened.record;
  const output = createOutputRoot(rowOf(job).outputHash);
  output.add({
    type: 'text-delta',
    text: answer.text,
    tokens: answer.tokens,
    ...(ids && ids.length === answer.tokens ? { ids: [...ids] } : {}),
  });
  // Whose tokens these were makes no difference to the root.
  const { reasoning, toolCalls, data } = answer.output;
  output.add({ type: 'reasoning-delta', text: reasoning, tokens: 0 });
  for (const [index, call] of toolCalls.entries()) output.add({ type: 'tool-call-delta', index, ...call, tokens: 0 });
  for (const [index, { mime, chunks }] of data.entries()) {
    for (const bytes of chunks) output.add({ type: 'data-delta', index, mime, bytes });
  }
  return checkReceipt(opened, {
    job,
    asker: receipt.asker,
    worker: worker.peer,
    output: output.summary(),
    reason,
    usage,
    price: receipt.price,
    engine: worker.engine,
    askedAt: answer.startedAt ?? receipt.issuedAt,
    receivedAt: answer.endedAt ?? receipt.issuedAt,
  });
}
