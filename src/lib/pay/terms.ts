import { concat, encodeAbiParameters, getAddress, isAddress, keccak256, numberToHex, zeroAddress } from 'viem';
import { z } from 'zod';
import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import { payError } from './errors.ts';
import type { Address, ChannelId, ChannelTerms, Hex } from './spec.ts';

/** The contract's bounds for a session's delay, in seconds. A job's deadline may be up to 30 days ahead. */
export const delayMin = 24 * 3_600;
export const delayMax = 30 * 24 * 3_600;

const secondsMax = 2 ** 48 - 1;

/** Accepts any spelling of an address and normalises it, so that addresses can be compared with `===`. */
export const addressSchema = z
  .string()
  .refine((text) => isAddress(text, { strict: false }), 'an address is 0x and 40 hexadecimal digits')
  .transform((text): Address => getAddress(text.toLowerCase()));

export const bytes32Schema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, 'give 32 bytes as 0x and 64 hexadecimal digits')
  .transform((text) => text.toLowerCase() as Hex);

const secondsSchema = z.number().int().min(0).max(secondsMax);

export const termsSchema = z.object({
  payer: addressSchema,
  payerSigner: addressSchema,
  provider: addressSchema,
  providerSigner: addressSchema,
  token: addressSchema,
  delay: secondsSchema,
  deadline: secondsSchema,
  salt: bytes32Schema,
});

/** Terms of an open-ended session; the delay defaults to one day. */
export function sessionTerms(
  random: Random,
  parties: Omit<ChannelTerms, 'delay' | 'deadline' | 'salt'>,
  delay: number = delayMin,
): ChannelTerms {
  return parseTerms({ ...parties, delay, deadline: 0, salt: `0x${toHex(random.bytes(32))}` });
}

/** Terms of one job, payable up to and including `deadline` (Unix seconds). */
export function jobTerms(
  random: Random,
  parties: Omit<ChannelTerms, 'delay' | 'deadline' | 'salt'>,
  deadline: number,
): ChannelTerms {
  return parseTerms({ ...parties, delay: 0, deadline, salt: `0x${toHex(random.bytes(32))}` });
}

/**
 * Validates terms from any source: shape, times, no zero address. @throws `bad-terms` with the field in the details.
 */
export function parseTerms(value: unknown): ChannelTerms {
  const parsed = termsSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw payError('bad-terms', { details: { field: issue?.path.join('.'), reason: issue?.message } });
  }
  const terms = parsed.data;
  for (const field of ['payer', 'payerSigner', 'provider', 'providerSigner', 'token'] as const) {
    if (terms[field] === zeroAddress)
      throw payError('bad-terms', { details: { field, reason: 'the zero address is not allowed' } });
  }
  if ((terms.delay === 0) === (terms.deadline === 0)) {
    throw payError('bad-terms', { details: { field: 'delay', reason: 'give either a delay or a deadline, not both' } });
  }
  if (terms.deadline === 0 && (terms.delay < delayMin || terms.delay > delayMax)) {
    throw payError('bad-terms', { details: { field: 'delay', minimum: delayMin, maximum: delayMax } });
  }
  return terms;
}

export const isJob = (terms: ChannelTerms): boolean => terms.deadline !== 0;

/** keccak256 of the ABI-encoded eight fields, as computed by the contract. */
export function channelIdOf(terms: ChannelTerms): ChannelId {
  return keccak256(
    encodeAbiParameters(termsParameters, [
      terms.payer,
      terms.payerSigner,
      terms.provider,
      terms.providerSigner,
      terms.token,
      terms.delay,
      terms.deadline,
      terms.salt,
    ]),
  );
}

/**
 * keccak256 of (channelId, cumulativeAmount) of each claim, 64 bytes each, in order: the `claimsHash` of a claim order.
 */
export function hashClaims(
  claims: readonly { readonly channel: ChannelTerms; readonly cumulativeAmount: bigint }[],
): Hex {
  return keccak256(
    concat(
      claims.flatMap(({ channel, cumulativeAmount }) => [
        channelIdOf(channel),
        numberToHex(cumulativeAmount, { size: 32 }),
      ]),
    ),
  );
}

const termsParameters = [
  { type: 'address' },
  { type: 'address' },
  { type: 'address' },
  { type: 'address' },
  { type: 'address' },
  { type: 'uint48' },
  { type: 'uint48' },
  { type: 'bytes32' },
] as const;

/** Terms as they travel: addresses in lower case. */
export function asSent(terms: ChannelTerms): ChannelTerms {
  const lower = <T extends string>(text: T) => text.toLowerCase() as T;
  const { payer, payerSigner, provider, providerSigner, token, ...rest } = terms;
  return {
    payer: lower(payer),
    payerSigner: lower(payerSigner),
    provider: lower(provider),
    providerSigner: lower(providerSigner),
    token: lower(token),
    ...rest,
  };
}
