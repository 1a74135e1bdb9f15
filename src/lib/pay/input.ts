import { isHex, zeroAddress } from 'viem';
import { payError } from './errors.ts';
import type { Address, ChannelTerms, DeployedChain, Hex } from './spec.ts';
import { addressSchema } from './terms.ts';

/** Input checks, made before any request to a wallet or a node. For terms, see `parseTerms`. */

/** An address in its canonical spelling, for comparison. @throws `bad-address`. */
export function parseAddress(field: string, value: unknown): Address {
  const parsed = addressSchema.safeParse(value);
  if (!parsed.success || parsed.data === zeroAddress) throw payError('bad-address', { details: { field } });
  return parsed.data;
}

/** Checks for positive whole Unix seconds. @throws `bad-time`. */
export function checkSeconds(field: string, value: number): void {
  if (!Number.isSafeInteger(value) || value <= 0 || value > secondsMax) {
    throw payError('bad-time', { details: { field, given: String(value) } });
  }
}

/** Disputes are numbered from one. @throws `dispute-missing`. */
export function checkDisputeId(id: bigint): bigint {
  if (typeof id !== 'bigint' || id <= 0n || id >= 2n ** 256n) throw payError('dispute-missing', { details: { id } });
  return id;
}

/** True for hexadecimal bytes, up to the maximum length of a contract wallet's signature. */
export const isBytes = (value: unknown): value is Hex =>
  isHex(value, { strict: true }) && value.length % 2 === 0 && value.length <= bytesMax * 2 + 2;

/** The contracts store times in 48 bits. */
const secondsMax = 2 ** 48 - 1;
const bytesMax = 4_096;

/**
 * The contracts take whatever token; amounts and fees are compared as units of the chain's own, so no other is signed or sent for.
 * @throws `token-unsupported`.
 */
export function checkToken(
  { token: { address: expected } }: Pick<DeployedChain, 'token'>,
  { token }: ChannelTerms,
): void {
  if (token !== expected) throw payError('token-unsupported', { details: { expected, given: token } });
}
