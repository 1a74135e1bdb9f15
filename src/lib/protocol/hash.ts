import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '#lib/base/bytes.ts';
import { encodeCbor } from './cbor.ts';

/** SHA-256 of the DAG-CBOR of a value, as 64 hexadecimal digits. Members that are undefined are ignored. */
export const hashRecord = (value: unknown): string => toHex(sha256(encodeCbor(value)));

/** SHA-256 of bytes, as 64 hexadecimal digits. */
export const hashBytes = (bytes: Uint8Array): string => toHex(sha256(bytes));
