import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Fetch } from '#lib/base/read-json.ts';
import type { MarketPriceView } from '#lib/state/network.ts';
import { readOwnRelay } from './read-own-relay.ts';

/** The last that a date can have. */
const secondsMax = 253_402_300_800;
/** Prices that a page shows. */
const pricesMax = 200;
/** A price is in credits, a cent each, for a thousand tokens; shown is what a million costs, in millionths of a dollar. */
const unitsPerMicroCredit = 10n;

const credits = z.string().regex(/^\d{1,12}(\.\d{1,6})?$/);
const listSchema = z.object({
  data: z.array(
    z.object({
      kind: z.string().max(64),
      model: z.string().max(256),
      price_credits: credits,
      low_credits: credits,
      high_credits: credits,
      payers: z.number().int().nonnegative(),
      /** Thousands of tokens. */
      units: z.number().int().nonnegative(),
      /** Its end, in seconds since the epoch. */
      until: z.number().int().positive().max(secondsMax),
    }),
  ),
});

/**
 * What the market paid at the relay of this page (`GET /v1/prices`), up to yesterday. Nothing where it keeps no prices.
 * @throws `net-offline` where it does not answer in this form; `aborted`.
 */
export async function readMarketPrices(fetch: Fetch, options?: AbortOptions): Promise<readonly MarketPriceView[]> {
  const unread = {
    code: 'net-offline',
    message: 'The relay of this page does not say what the market paid. Try again later.',
  };
  const answer = await readOwnRelay(fetch, '/v1/prices', listSchema, unread, options);
  return (answer?.data ?? []).slice(0, pricesMax).map((price) => ({
    kind: price.kind,
    model: price.model,
    perMillion: perMillion(price.price_credits),
    low: perMillion(price.low_credits),
    high: perMillion(price.high_credits),
    payers: price.payers,
    tokens: price.units * 1_000,
    until: price.until * 1_000,
  }));
}

function perMillion(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(6, '0')) * unitsPerMicroCredit;
}
