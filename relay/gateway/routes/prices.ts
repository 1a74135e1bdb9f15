import type { Handler } from 'hono';
import { z } from 'zod';
import { writeCredits } from '../../credit-amount.ts';
import { escrowUnits } from './escrow-units.ts';

export interface PriceComponents {
  /** What was paid for a unit of each kind and model: micro-credits. */
  readonly prices: () => Promise<
    readonly {
      readonly kind: string;
      readonly model: string;
      readonly price: bigint;
      readonly payers: number;
      readonly units: bigint;
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
      /** Of the last day that counted. */
      payers: z.number().int(),
      units: z.number().int(),
      /** Payments up to this time count, in seconds since 1970. */
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
      data: (await prices()).map(({ kind, model, price, payers, units, until }) => ({
        kind,
        model,
        unit: escrowUnits.llm,
        price_credits: writeCredits(price),
        payers,
        units: Number(units),
        until: Math.floor(until / 1_000),
      })),
    });
