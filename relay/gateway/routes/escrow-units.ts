/** What one unit of a kind is; kinds whose work nobody does yet are refused by name. */
export const escrowUnits = { llm: '1k_tokens' } as const;
