import { isHex, zeroAddress } from 'viem';
import { payError } from './errors.ts';
import type { Address, Hex } from './spec.ts';
import { addressSchema } from './terms.ts';

/** What callers hand in, checked before a wallet or a node is asked for anything. Terms have `parseTerms`. */

/** An account in the one spelling that is compared. @throws `bad-address`. */
export function parseAddress(field: string, value: unknown): Address {
  const parsed = addressSchema.safeParse(value);
  if (!parsed.success || parsed.data === zeroAddress) throw payError('bad-address', { details: { field } });
  return parsed.data;
}

/** Whole Unix seconds above zero. @throws `bad-time`. */
export function checkSeconds(field: string, value: number): void {
  if (!Number.isSafeInteger(value) || value <= 0 || value > secondsMax) {
    throw payError('bad-time', { details: { field, given: String(value) } });
  }
}

/** True for whole bytes in hexadecimal, at most as many as a contract wallet's signature may have. */
export const isBytes = (value: unknown): value is Hex =>
  isHex(value, { strict: true }) && value.length % 2 === 0 && value.length <= bytesMax * 2 + 2;

/** The largest 48-bit number: what the contracts keep times in. */
const secondsMax = 2 ** 48 - 1;
const bytesMax = 4_096;
