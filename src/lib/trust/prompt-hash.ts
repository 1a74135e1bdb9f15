import { concatBytes, fromHex } from '#lib/base/bytes.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import type { Job } from '#lib/protocol/job.ts';

/**
 * SHA-256 of the job's salt (16 bytes) followed by the DAG-CBOR of `[kind, input]`, as 64 hexadecimal digits. Only
 * asker and worker know the salt, so others cannot guess the prompt from the receipt.
 */
export function promptHash(job: Pick<Job, 'salt' | 'kind' | 'input'>): string {
  const known = hashes.get(job);
  if (known !== undefined) return known;
  const hash = hashBytes(concatBytes(fromHex(job.salt), encodeCbor([job.kind, job.input])));
  hashes.set(job, hash);
  return hash;
}

/** A job does not change, and each of its checkpoints names the hash: of a long prompt it costs more than the signature. */
const hashes = new WeakMap<object, string>();
