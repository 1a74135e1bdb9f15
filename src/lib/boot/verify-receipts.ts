import type { VerifiedReceiptView } from '#lib/state/verified-receipt.ts';
import { readPresented } from '#lib/trust/presented.ts';
import { verifyReceipt } from '#lib/trust/verify.ts';

/**
 * Checks the receipts of a file or a pasted answer, on this device alone. A question is checked where the salt came along.
 * @throws `bad-receipt`.
 */
export function verifyReceipts(text: string, question: string): readonly VerifiedReceiptView[] {
  const { receipts, output, salt } = readPresented(text);
  const input = { messages: [{ role: 'user', content: question }] };
  const prompt = question === '' || salt === undefined ? undefined : { input, salt };
  return receipts.map((one) => {
    const { receipt, hash, claims } = verifyReceipt(one, { prompt, output });
    if (!receipt || hash === undefined) return { receipt: undefined, claims };
    const { jobId: job, worker, asker, model, artefact, tier, tokensIn, tokensOut, issuedAt } = receipt;
    return { receipt: { hash, job, worker, asker, model, artefact, tier, tokensIn, tokensOut, issuedAt }, claims };
  });
}
