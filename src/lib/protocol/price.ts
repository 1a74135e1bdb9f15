import { z } from 'zod';

/**
 * An amount in the smallest unit, as decimal text without leading zeros: neither JSON nor this CBOR profile can carry a
 * bigint.
 */
export const unitsSchema = z.string().regex(/^(0|[1-9][0-9]{0,29})$/, 'an amount is decimal text in the smallest unit');

/** Smallest units per million of the kind's input and output units; "0" is free. */
export type Price = z.output<typeof priceSchema>;

export const priceSchema = z.object({ in: unitsSchema, out: unitsSchema });
