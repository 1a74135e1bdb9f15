import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, fromHex, toHex } from '#lib/base/bytes.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import type { Job } from '#lib/protocol/job.ts';

/**
 * SHA-256 over the job's salt (16 bytes) and the DAG-CBOR of `[kind, input]`, as 64 hexadecimal digits. The salt, which only
 * asker and worker know, keeps others from guessing a prompt from the receipt.
 */
export const promptHash = (job: Pick<Job, 'salt' | 'kind' | 'input'>): string =>
  toHex(sha256(concatBytes(fromHex(job.salt), encodeCbor([job.kind, job.input]))));
