import { z } from 'zod';

/** An amount of money in the smallest unit, as decimal text without leading zeros: bigint has no form in JSON or CBOR. */
export const unitsSchema = z.string().regex(/^(0|[1-9][0-9]{0,29})$/, 'an amount is decimal text in the smallest unit');

/** Units per million tokens read and written; "0" is free. */
export type Price = z.output<typeof priceSchema>;

export const priceSchema = z.object({ in: unitsSchema, out: unitsSchema });
