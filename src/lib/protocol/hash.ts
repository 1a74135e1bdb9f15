import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '#lib/base/bytes.ts';
import { encodeCbor } from './cbor.ts';

/** SHA-256 of bytes, as 64 lower-case hexadecimal digits. */
export type Sha256 = (bytes: Uint8Array) => string;

/** Pure JavaScript. */
export const portableSha256: Sha256 = (bytes) => toHex(sha256(bytes));

let platform = portableSha256;

/** For a platform that is faster and need not be awaited; called once by the composition root. */
export function installSha256(implementation: Sha256): void {
  platform = implementation;
}

/** SHA-256 of bytes, as 64 hexadecimal digits. */
export const hashBytes = (bytes: Uint8Array): string => platform(bytes);

/** SHA-256 of the DAG-CBOR of a value, as 64 hexadecimal digits. Members that are undefined are ignored. */
export const hashRecord = (value: unknown): string => hashBytes(encodeCbor(value));
