import { z } from 'zod';
import type { ChainEntry } from '#contracts/chains.ts';
import { meteredProxyAddress, type MeteredPermit } from './chain/permits.ts';
import type { Address, Hex } from './spec.ts';

/**
 * x402's scheme `upto` on EVM, by Permit2: the client signs for at most so much, and what its answer came to is taken. Texts
 * only; the chain is asked elsewhere.
 */
export interface MeteredDoor {
  /** Whether a request carries a payment of this scheme. */
  carries(headers: Headers): boolean;
  /** The terms for at most so many units of the token, beside those of other schemes. */
  terms(units: bigint): Readonly<Record<string, unknown>>;
  /** Reads the permit that a request carries for exactly these terms, or says what is wrong with it. */
  read(headers: Headers, units: bigint, now: number): MeteredPermit | { readonly reason: string };
  /** What became of it, as x402 tells the client. */
  receipt(outcome: MeteredOutcome): Readonly<Record<string, unknown>>;
}

export interface MeteredOutcome {
  readonly payer: Address;
  /** Of the token; zero for an answer that costs nothing. */
  readonly units: bigint;
  /** Missing where nothing was taken, or not yet. */
  readonly hash?: Hex | undefined;
  readonly failure?: string | undefined;
}

export interface MeteredDoorInit {
  readonly entry: ChainEntry;
  readonly payTo: Address;
  readonly facilitator: Address;
  /** Seconds for which a permit must still be good when its answer begins. */
  readonly answerSeconds: number;
}

/** For signing and asking. */
const patienceSeconds = 300;

const address = z.string().regex(/^0x[0-9a-f]{40}$/i);
const wordMax = (1n << 256n) - 1n;
const amount = z
  .string()
  .regex(/^\d{1,78}$/)
  .refine((text) => BigInt(text) <= wordMax);
const paymentSchema = z.looseObject({
  x402Version: z.literal(2),
  accepted: z.looseObject({ scheme: z.literal('upto'), network: z.string() }),
  payload: z.looseObject({
    signature: z.string().regex(/^0x[0-9a-f]{130}$/i),
    permit2Authorization: z.looseObject({
      from: address,
      permitted: z.looseObject({ token: address, amount }),
      spender: address,
      nonce: amount,
      deadline: amount,
      witness: z.looseObject({ to: address, facilitator: address, validAfter: amount }),
    }),
  }),
});

export function createMeteredDoor({ entry, payTo, facilitator, answerSeconds }: MeteredDoorInit): MeteredDoor {
  const network = `eip155:${entry.id}`;
  const { address: token, name, version } = entry.token;
  return {
    carries(headers) {
      const payment = decode(headers.get('payment-signature')) as { readonly accepted?: { readonly scheme?: unknown } };
      return payment?.accepted?.scheme === 'upto';
    },
    terms: (units) => ({
      scheme: 'upto',
      network,
      amount: units.toString(),
      asset: token,
      payTo,
      maxTimeoutSeconds: answerSeconds + patienceSeconds,
      extra: { name, version, assetTransferMethod: 'permit2', facilitatorAddress: facilitator },
    }),
    read(headers, units, now) {
      const parsed = paymentSchema.safeParse(decode(headers.get('payment-signature')));
      if (!parsed.success) return { reason: 'PAYMENT-SIGNATURE is no payment of x402, version 2, by Permit2' };
      const { accepted, payload } = parsed.data;
      const { from, permitted, spender, nonce, deadline, witness } = payload.permit2Authorization;
      const permit: MeteredPermit = {
        from: from as Address,
        token: permitted.token as Address,
        amount: BigInt(permitted.amount),
        nonce: BigInt(nonce),
        deadline: BigInt(deadline),
        to: witness.to as Address,
        facilitator: witness.facilitator as Address,
        validAfter: BigInt(witness.validAfter),
        signature: payload.signature as Hex,
      };
      if (accepted.network !== network) return { reason: `It is for ${accepted.network}, and not for ${network}` };
      if (!same(permit.token, token)) return { reason: 'It is for another token' };
      if (!same(permit.to, payTo)) return { reason: 'It pays somebody else' };
      if (!same(permit.facilitator, facilitator)) return { reason: 'It names another facilitator' };
      if (!same(spender, meteredProxyAddress)) return { reason: 'It names another spender' };
      if (permit.amount !== units) return { reason: `It is for ${permit.amount} units, and must be for ${units}` };
      const seconds = BigInt(Math.floor(now / 1_000));
      if (permit.validAfter > seconds) return { reason: 'It is not valid yet' };
      if (permit.deadline < seconds + BigInt(answerSeconds)) {
        return { reason: `It must be valid for ${answerSeconds} seconds more` };
      }
      return permit;
    },
    receipt: ({ payer, units, hash, failure }) => ({
      success: failure === undefined,
      ...(failure === undefined ? {} : { errorReason: failure }),
      payer,
      transaction: hash ?? '',
      network,
      amount: units.toString(),
    }),
  };
}

function decode(header: string | null): unknown {
  if (header === null) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(header), (character) => character.charCodeAt(0))));
  } catch {
    return undefined;
  }
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
