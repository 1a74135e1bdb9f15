import { equalBytes } from '#lib/base/bytes.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import type { Job } from '#lib/protocol/job.ts';
import { jobKinds, kindOf } from '#lib/protocol/kinds/table.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { createOutputRoot } from './output-root.ts';
import { promptHash } from './prompt-hash.ts';

/** Whether this is the prompt that the receipt binds, and this the answer: nobody is judged by anything else. */
export function isReceipted(receipt: Receipt, job: Job, parts: readonly Part[]): boolean {
  const row = kindOf(job.kind, jobKinds);
  if (!row) return false;
  const output = createOutputRoot(row.outputHash);
  for (const part of parts) output.add(part);
  const { outputRoot, outputForm, tokens } = output.summary();
  return (
    receipt.jobId === job.id &&
    receipt.artefact === job.artefact &&
    receipt.kind === job.kind &&
    receipt.resumedTokens === (job.resume?.tokens ?? 0) &&
    receipt.promptHash === promptHash(job) &&
    equalBytes(encodeCbor(receipt.params), encodeCbor(job.params)) &&
    receipt.outputRoot === outputRoot &&
    receipt.outputForm === outputForm &&
    receipt.tokensOut === tokens
  );
}
