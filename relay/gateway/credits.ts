import { TabloomError } from '#lib/base/errors.ts';
import type { Usage } from '#lib/protocol/part.ts';
import { unitsPerCredit, writeCredits } from '../credit-amount.ts';
import { hasPlan, type Caller } from './caller.ts';
import { gatewayError } from './errors.ts';
import { meteredAnswer, type MeteredAnswer, type MeteredCalls } from './metered.ts';

/** What jobs cost here, and how it is paid: credits, of which one is a cent. Amounts are micro-credits. */
export interface Credits {
  /** Of a million tokens. */
  readonly price: { readonly in: bigint; readonly out: bigint };
  readonly chain: { readonly id: number; readonly name: string; readonly token: string; readonly payTo: string };
  cost(usage: Usage): bigint;
  balance(address: string): Promise<{ readonly units: bigint; readonly held: bigint }>;
  /** Whether a request carries a payment. */
  carries(headers: Headers): boolean;
  /**
   * Takes the payment that a request carries for so many micro-credits, and credits it, once.
   * @param address whose account is credited; that of the payer where it is left out.
   * @param metered what the terms ask for at most where the client would rather pay what its answer comes to.
   * @throws `ledger-unavailable`, and what the chain throws; the payment is then credited later if it was collected.
   */
  take(request: PayableRequest, units: bigint, address?: string, metered?: Usage): Promise<CreditPayment>;
  readonly metered?: MeteredCalls | undefined;
}

/** What a payment is for, as its payer has signed it. */
export interface PayableRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
}

export type CreditPayment =
  | {
      readonly type: 'paid';
      readonly payer: string;
      /** Whose account it was credited to. */
      readonly address: string;
      readonly units: bigint;
      /** False for a payment that some request carried before. */
      readonly isNew: boolean;
      readonly transaction: string;
      readonly headers: readonly (readonly [string, string])[];
    }
  | {
      readonly type: 'required';
      readonly headers: readonly (readonly [string, string])[];
      readonly terms: Readonly<Record<string, unknown>>;
      readonly reason: string | undefined;
    };

/** The least that is charged on a chain, where a transaction costs its payee about as much. */
const chargeMin = unitsPerCredit;

/** What has been paid for a job: by whom, if by a wallet without a key, and the receipt for the response. */
export interface JobPayment {
  /** Whether somebody pays for it. */
  readonly isBought: boolean;
  readonly payer: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
  /** Where what the answer comes to is paid, when it has ended. */
  readonly metered?: MeteredAnswer | undefined;
}

const nothing: JobPayment = { isBought: false, payer: undefined, headers: [] };
const account: JobPayment = { ...nothing, isBought: true };

/**
 * Takes the payment that a request for a job carries, and says who pays. Keys of wallets pay from their account, where the
 * ledger refuses what is not there. @throws `payment-required`, `insufficient-credits`, and what `take` throws.
 */
export async function payForJob(
  credits: Credits | undefined,
  caller: Caller,
  /** Called only where a payment is looked for. */
  requestOf: () => PayableRequest,
  most: Usage,
  form: { readonly isMeterable: boolean; readonly price?: bigint | undefined },
): Promise<JobPayment> {
  if (!credits || isFreeFor(caller)) return credits && hasPlan(caller) ? account : nothing;
  const request = requestOf();
  const owner = caller.type === 'key' ? caller.key.owner : undefined;
  const units = chargeFor(form.price ?? credits.cost(most));
  const metered = owner === undefined && form.isMeterable ? most : undefined;
  if (credits.metered?.carries(request.headers)) {
    if (!metered) throw paymentRequired(onlyStreams, units);
    const call = await credits.metered.open(request.headers, most);
    if (call.type === 'refused') throw paymentRequired(refusal(call.reason), units, metered);
    return { ...account, metered: meteredAnswer(call) };
  }
  if (!credits.carries(request.headers)) {
    if (owner !== undefined) return account;
    throw paymentRequired(
      'Jobs at this relay cost credits, and this request has no key and no payment.',
      units,
      metered,
    );
  }
  const payment = await credits.take(request, units, owner);
  if (payment.type === 'required') throw paymentRequired(refusal(payment.reason), units, metered);
  // A signature can be read on the chain by everybody, and must not spend what its payer has left.
  if (owner === undefined && !payment.isNew) {
    throw paymentRequired('This payment has been used. What is left of it is in its wallet’s account.', units);
  }
  return { ...account, payer: owner === undefined ? payment.address : undefined, headers: payment.headers };
}

const onlyStreams =
  'The scheme "upto" pays for a streamed answer of a request without a key and without an Idempotency-Key.';

/** Of the operator's keys the publishable ones too: he pays for what his pages ask. */
const isFreeFor = (caller: Caller): boolean =>
  caller.type === 'local' || (caller.type === 'key' && caller.key.owner === undefined);

export const refusal = (reason: string | undefined): string =>
  reason === undefined ? 'This request needs a payment.' : `The payment was not taken: ${reason.replace(/\.+$/, '')}.`;

const chargeFor = (units: bigint): bigint => (units < chargeMin ? chargeMin : units);

export const paymentRequired = (says: string, units: bigint, metered?: Usage): TabloomError =>
  new TabloomError(
    'payment-required',
    `${says} Pay as the headers PAYMENT-REQUIRED or WWW-Authenticate say, or buy credits at /v1/credits/buy.`,
    { details: { neededUnits: units.toString(), ...(metered ? { metered } : {}) } },
  );

/** Micro-credits that an error asks for; undefined for one that is not about money. */
export function neededUnits(error: unknown): bigint | undefined {
  const needed = error instanceof TabloomError ? error.details['neededUnits'] : undefined;
  return typeof needed === 'string' ? chargeFor(BigInt(needed)) : undefined;
}

/** What an answer may use at most that may be paid when it has ended. */
export const meteredUsage = (error: unknown): Usage | undefined =>
  error instanceof TabloomError ? (error.details['metered'] as Usage | undefined) : undefined;

/** The terms of a payment as the parts of a response, with a plain word for people. */
export async function termsOf(
  credits: Credits,
  request: { readonly url: string; readonly method: string },
  units: bigint,
  metered?: Usage,
): Promise<{ readonly headers: readonly (readonly [string, string])[]; readonly body: object }> {
  // Without what it carried: that has been judged, and is not to be taken now.
  const { url, method } = request;
  const asked = await credits.take({ url, method, headers: new Headers() }, units, undefined, metered);
  if (asked.type === 'paid') throw gatewayError('payment-required', refusal(undefined));
  const price = { scheme: 'exact', price_credits: writeCredits(units) };
  return { headers: asked.headers, body: { ...asked.terms, ...price } };
}
