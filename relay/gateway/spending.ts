import type { AskTerms } from '#lib/peer/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Usage } from '#lib/protocol/part.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { Caller } from './caller.ts';

/** What the gateway may pay providers with a price, and for whose jobs. */
export interface Spending {
  /** Undefined for a job that nobody pays for: only free workers are asked. */
  allow(job: SpendingJob): Allowance | undefined;
}

export interface SpendingJob {
  /** Of the job for each model that may be asked; the first is the job's. */
  readonly ids: readonly string[];
  readonly caller: Caller;
  /** The wallet that pays where there is no key. */
  readonly payer?: string | undefined;
  /** What is held for. */
  readonly most: Usage;
}

/** What one job may cost at providers, whichever of its models answers. */
export interface Allowance {
  /** What may still be spent, at the time of the call. */
  terms(): SpendingTerms;
  /** Nothing more is paid for the job. */
  end(): void;
}

interface SpendingTerms {
  readonly budget: string;
  readonly priceMax: Price;
  /** The hub of this relay, which would only pay others itself. */
  readonly ignore?: readonly PeerId[] | undefined;
  /** The one that is paid. */
  readonly only?: PeerId | undefined;
}

/** A request with them; what it says itself of prices holds as well. */
export function withTerms<Ask extends Pick<AskTerms, 'priceMax' | 'ignore' | 'only'>>(
  ask: Ask,
  terms: SpendingTerms | undefined,
): Ask {
  if (!terms) return ask;
  const { budget, priceMax: most, ignore = [], only } = terms;
  const { priceMax = most } = ask;
  const ignored = ignore.length === 0 ? {} : { ignore: [...(ask.ignore ?? []), ...ignore] };
  return {
    ...ask,
    ...ignored,
    ...(only === undefined ? {} : { only: (ask.only ?? [only]).filter((peer) => peer === only) }),
    budget,
    priceMax: { in: least(priceMax.in, most.in), out: least(priceMax.out, most.out) },
  };
}

const least = (a: string, b: string): string => (BigInt(a) < BigInt(b) ? a : b);
