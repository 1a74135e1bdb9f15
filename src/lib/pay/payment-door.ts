import { Mppx, evm } from 'mppx/server';
import type { ChainEntry } from '#contracts/chains.ts';
import { formatAmount } from './amount.ts';
import type { AuthorizedTransfer } from './chain/transfers.ts';
import type { Address, Hex } from './spec.ts';

/**
 * Takes payments with a request of HTTP: x402 (version 2, `exact` by EIP-3009) and the `Payment` scheme of
 * `WWW-Authenticate` (`charge` on EVM), which ask for the same signature.
 */
export interface PaymentDoor {
  /** Whether the request carries a payment of either kind. */
  carries(headers: Headers): boolean;
  /**
   * Reads the payment that a request carries, and has it collected.
   * @param units of the chain's token that it must be, exactly.
   * @param collect resolves once the payment counts.
   * @throws what `collect` throws.
   */
  take(request: PayableRequest, units: bigint, collect: Collect): Promise<Taken | Required>;
}

export type Collect = (transfer: AuthorizedTransfer) => Promise<{ readonly hash: Hex }>;

export interface PayableRequest {
  /** As the client sees it, since it is part of what is signed. */
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
}

export interface Taken {
  readonly type: 'paid';
  readonly payer: Address;
  readonly hash: Hex;
  /** The receipt, for the response. */
  readonly headers: readonly (readonly [string, string])[];
}

export interface Required {
  readonly type: 'required';
  /** The terms under both schemes. */
  readonly headers: readonly (readonly [string, string])[];
  /** The same for people, and for clients that read bodies: those of x402. */
  readonly terms: Readonly<Record<string, unknown>>;
  /** What was wrong with the payment that the request carried. */
  readonly reason: string | undefined;
}

export interface PaymentDoorInit {
  readonly entry: ChainEntry;
  readonly payTo: Address;
  /** At least 32 bytes, by which this door knows its own challenges again. */
  readonly secret: string;
  readonly realm: string;
}

const challengeHeaders = ['www-authenticate', 'payment-required'];
const receiptHeaders = ['payment-receipt', 'payment-response'];

export function createPaymentDoor({ entry, payTo, secret, realm }: PaymentDoorInit): PaymentDoor {
  const { address, name, version, decimals } = entry.token;

  return {
    carries: (headers) =>
      headers.has('payment-signature') || /(^|,)\s*payment\s/i.test(headers.get('authorization') ?? ''),
    async take({ url, method, headers }, units, collect) {
      let paid: { readonly payer: Address; readonly hash: Hex } | undefined;
      let failure: { readonly error: unknown } | undefined;
      const door = Mppx.create({
        secretKey: secret,
        realm,
        methods: [
          evm.charge({
            currency: address,
            chainId: entry.id,
            decimals,
            authorization: { name, version },
            recipient: payTo,
            settle: async ({ payload }) => {
              try {
                const { hash } = await collect(readTransfer(payload));
                paid = { payer: payload.from as Address, hash };
                return { reference: hash };
              } catch (error) {
                // Otherwise it would reach the client as if the payment were at fault.
                failure = { error };
                throw error;
              }
            },
          }),
        ],
      });
      const charge = door.charge({ amount: formatAmount(units, decimals) });
      const result = await charge(new Request(url, { method, headers: withoutBody(headers) }));
      if (failure) throw failure.error;
      if (result.status !== 402 && paid) {
        const { headers: receipt } = result.withReceipt(new Response());
        return { type: 'paid', ...paid, headers: pick(receipt, receiptHeaders) };
      }
      const challenge = result.status === 402 ? result.challenge : new Response();
      return {
        type: 'required',
        headers: pick(challenge.headers, challengeHeaders),
        terms: readTerms(challenge.headers.get('payment-required')),
        reason: isReadable(headers) ? await reasonOf(challenge) : 'PAYMENT-SIGNATURE is no payment of x402, version 2',
      };
    },
  };
}

/** The terms of another scheme of x402 beside those that a door asks for, in the header and in the body. */
export function withFurtherTerms(required: Required, further: Readonly<Record<string, unknown>>): Required {
  const accepts = Array.isArray(required.terms['accepts']) ? (required.terms['accepts'] as readonly unknown[]) : [];
  const terms = { ...required.terms, accepts: [...accepts, further] };
  const written = btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(terms))));
  const headers = required.headers.map(([name, text]) =>
    name === 'payment-required' ? ([name, written] as const) : ([name, text] as const),
  );
  return { ...required, headers, terms };
}

interface Payload {
  readonly from: string;
  readonly to: string;
  readonly value: string;
  readonly validAfter: string;
  readonly validBefore: string;
  readonly nonce: string;
  readonly signature: string;
}

const readTransfer = (payload: Payload): AuthorizedTransfer => ({
  from: payload.from as Address,
  to: payload.to as Address,
  value: BigInt(payload.value),
  validAfter: BigInt(payload.validAfter),
  validBefore: BigInt(payload.validBefore),
  nonce: payload.nonce as Hex,
  signature: payload.signature as Hex,
});

/** Its length would promise what is read elsewhere. */
function withoutBody(headers: Headers): Headers {
  const copy = new Headers(headers);
  for (const name of ['content-length', 'transfer-encoding', 'content-type']) copy.delete(name);
  return copy;
}

const pick = (headers: Headers, names: readonly string[]): readonly (readonly [string, string])[] =>
  names.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });

function readTerms(header: string | null): Readonly<Record<string, unknown>> {
  if (header === null) return {};
  const bytes = Uint8Array.from(atob(header), (character) => character.charCodeAt(0));
  const terms: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return typeof terms === 'object' && terms !== null ? { ...terms } : {};
}

/** Whatever else is wrong with a payment is told by name; one that cannot be read at all would count as an internal error. */
function isReadable(headers: Headers): boolean {
  const header = headers.get('payment-signature');
  if (header === null) return true;
  try {
    const { x402Version, accepted, payload } = JSON.parse(atob(header)) as Record<string, unknown>;
    return x402Version === 2 && isObject(accepted) && isObject(payload);
  } catch {
    return false;
  }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

async function reasonOf(challenge: Response): Promise<string | undefined> {
  const text = await challenge.text();
  if (text === '') return undefined;
  const { detail } = JSON.parse(text) as { readonly detail?: unknown };
  return typeof detail === 'string' ? detail : undefined;
}
