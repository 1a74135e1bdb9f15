import { z } from 'zod';
import type { ChecksView } from '#lib/state/checks.ts';
import type { VerifiedReceiptView } from '#lib/state/verified-receipt.ts';
import { readPresented } from '#lib/trust/presented.ts';
import { verifyReceipt } from '#lib/trust/verify.ts';

/**
 * Checks the receipts of a file or a pasted answer, on this device alone. A question is checked where the salt came along.
 * @throws `bad-receipt`.
 */
export function verifyReceipts(text: string, question: string): readonly VerifiedReceiptView[] {
  const { receipts, output, salt, audit } = readPresented(text);
  const input = { messages: [{ role: 'user', content: question }] };
  const prompt = question === '' || salt === undefined ? undefined : { input, salt };
  return receipts.map((one) => {
    const { receipt, hash, claims } = verifyReceipt(one, { prompt, output });
    // Of an answer by several workers it is said of the last one alone.
    const told = toldChecks(one.audit ?? (receipts.length === 1 ? audit : undefined));
    if (!receipt || hash === undefined) return { receipt: undefined, told, claims };
    const { jobId: job, worker, asker, model, artefact, tier, tokensIn, tokensOut, issuedAt } = receipt;
    return {
      receipt: { hash, job, worker, asker, model, artefact, tier, tokensIn, tokensOut, issuedAt },
      told,
      claims,
    };
  });
}

const units = z.string().regex(/^\d{1,78}$/);
const auditSchema = z.object({
  bond: z.object({ amount: units, required: units, block: units }),
  share_audited: z.number().min(0).max(1),
  audited: z.number().int().nonnegative(),
  margin: z.number().optional(),
  validators: z.number().int().nonnegative(),
});

/** `tabloom.audit` of the API. What cannot be read is not shown. */
function toldChecks(audit: unknown): ChecksView | undefined {
  const read = auditSchema.safeParse(audit);
  if (!read.success) return undefined;
  const { share_audited: share, margin, ...rest } = read.data;
  return { ...rest, share, margin };
}
