import { z } from 'zod';
import { chains, type ChainEntry } from '#contracts/chains.ts';
import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import { payError } from './errors.ts';
import type { Address, Hex, TypedData, Wallet } from './spec.ts';
import { transferData } from './typed-data.ts';

/** What the buyer has agreed to, before any terms were read. */
export interface AgreedPayment {
  readonly chainId: number;
  readonly payTo: string;
  /** A credit is a cent. */
  readonly credits: number;
}

/** Signed; the same text may be sent any number of times, and is paid once. */
export interface CreditPayment {
  /** The value of the header `PAYMENT-SIGNATURE`. */
  readonly header: string;
  /** Unix seconds after which it cannot be collected. */
  readonly validBefore: number;
}

/** Longer than any chain takes to collect it; what was signed and forgotten is worthless afterwards. */
const validSeconds = 600;
/** Clocks that are behind the chain's. */
const validAfter = 0n;

const acceptedSchema = z.looseObject({
  scheme: z.string(),
  network: z.string(),
  asset: z.string(),
  amount: z.string(),
  payTo: z.string(),
  extra: z.looseObject({ name: z.string(), version: z.string() }),
});
const termsSchema = z.looseObject({ x402Version: z.literal(2), accepts: z.array(z.unknown()).max(16) });

/** The chain that credits are bought on; undefined for one whose token this program does not know. */
export const creditChain = (chainId: number): ChainEntry | undefined => chains.find(({ id }) => id === chainId);

/**
 * Signs the payment that a relay's 402 asks for, by x402's `exact` scheme on EVM (EIP-3009), if it is to the unit what the buyer has agreed
 * to: chain, payee, amount, and the chain's own dollar. Nothing else of the terms is believed.
 * @param body of the 402.
 * @param now Unix seconds, by the relay's clock.
 * @throws `terms-differ`, `chain-unknown`, and those of the wallet.
 */
export async function signCreditPayment(
  body: unknown,
  { chainId, payTo, credits }: AgreedPayment,
  wallet: Pick<Wallet, 'address' | 'signTypedData'>,
  { random, now }: { readonly random: Random; readonly now: number },
): Promise<CreditPayment> {
  const entry = creditChain(chainId);
  if (!entry) throw payError('chain-unknown', { details: { chainId } });
  const { token } = entry;
  const value = BigInt(credits) * 10n ** BigInt(token.decimals - 2);
  const isAgreed = (terms: z.output<typeof acceptedSchema>) =>
    terms.scheme === 'exact' &&
    terms.network === `eip155:${chainId}` &&
    isSame(terms.asset, token.address) &&
    isSame(terms.payTo, payTo) &&
    terms.amount === value.toString() &&
    terms.extra.name === token.name &&
    terms.extra.version === token.version;
  const accepted = (termsSchema.safeParse(body).data?.accepts ?? [])
    .map((each) => acceptedSchema.safeParse(each).data)
    .find((terms) => terms !== undefined && isAgreed(terms));
  if (!accepted) throw payError('terms-differ', { details: { credits } });

  const validBefore = now + validSeconds;
  const nonce: Hex = `0x${toHex(random.bytes(32))}`;
  const message = {
    from: wallet.address,
    to: accepted.payTo as Address,
    value,
    validAfter,
    validBefore: BigInt(validBefore),
    nonce,
  };
  const data: TypedData = transferData(entry, message);
  const signature = await wallet.signTypedData(data);
  const authorization = {
    ...message,
    value: value.toString(),
    validAfter: validAfter.toString(),
    validBefore: validBefore.toString(),
  };
  const payment = { x402Version: 2, accepted, payload: { signature, authorization } };
  return { header: encode(JSON.stringify(payment)), validBefore };
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** Base64 of UTF-8: terms may hold any text. */
const encode = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
