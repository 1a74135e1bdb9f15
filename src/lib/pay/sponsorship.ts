import { zeroAddress } from 'viem';
import { z } from 'zod';
import { payError } from './errors.ts';
import type { Address } from './spec.ts';
import { addressSchema } from './terms.ts';

/**
 * What another account gets for sending a transaction: units out of the signer's own money. It is part of what is signed,
 * so that whoever sends can change neither.
 */
export interface Sponsorship {
  /** The account that is paid, whichever sends; the zero address pays the sender. */
  readonly sponsor: Address;
  readonly fee: bigint;
}

/** For those who send for themselves, or ask a favour. */
export const unsponsored: Sponsorship = { sponsor: zeroAddress, fee: 0n };

/** The contract stores fees in 96 bits. */
const feeMax = 2n ** 96n - 1n;

export const sponsorshipSchema = z.object({ sponsor: addressSchema, fee: z.bigint().min(0n).max(feeMax) });

/** In canonical spelling. @throws `bad-address`, `bad-fee`. */
export function parseSponsorship(value: Sponsorship = unsponsored): Sponsorship {
  const parsed = sponsorshipSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path[0];
  throw payError(field === 'fee' ? 'bad-fee' : 'bad-address', { details: { field: `sponsorship.${String(field)}` } });
}
