import { z } from 'zod';

/** The name that a payer gives the job of an escrow. */
export const escrowJobSchema = z.string({ error: 'must be a string' }).regex(/^[\w.:-]{1,64}$/, {
  error: 'must have 1 to 64 letters, digits, dots, colons, dashes and underscores',
});

/** What one unit of a kind is; kinds whose work nobody does yet are refused by name. */
export const escrowUnits = { llm: '1k_tokens' } as const;
