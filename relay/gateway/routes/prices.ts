import type { Handler } from 'hono';
import { z } from 'zod';
import { writeCredits } from '../../credit-amount.ts';
import { escrowUnits } from '../escrow-terms.ts';

export interface PriceComponents {
  /** What was paid for a unit of each kind and model: micro-credits. */
  readonly prices: () => Promise<
    readonly {
      readonly kind: string;
      readonly model: string;
      readonly price: bigint;
      readonly payers: number;
      readonly units: bigint;
      readonly low: bigint;
      readonly high: bigint;
      readonly until: number;
    }[]
  >;
}

export const priceListSchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      kind: z.string(),
      model: z.string(),
      unit: z.literal(escrowUnits.llm),
      price_credits: z.string(),
      /** The least and the most that a payer paid, of the last day that counted, as what follows. */
      low_credits: z.string(),
      high_credits: z.string(),
      payers: z.number().int(),
      units: z.number().int(),
      /** The end of that day, in seconds since 1970. */
      until: z.number().int(),
    }),
  ),
});

/** `GET /v1/prices`: the market's price of what wallets paid each other for through escrow. */
export const showPrices =
  ({ prices }: PriceComponents): Handler =>
  async (context) =>
    context.json<z.output<typeof priceListSchema>>({
      object: 'list',
      data: (await prices()).map(({ kind, model, price, low, high, payers, units, until }) => ({
        kind,
        model,
        unit: escrowUnits.llm,
        price_credits: writeCredits(price),
        low_credits: writeCredits(low),
        high_credits: writeCredits(high),
        payers,
        units: Number(units),
        until: Math.floor(until / 1_000),
      })),
    });
