/**
 * Maximum tokens of one answer. Kept out of `limits.ts` so that the pages' initial bundle contains only this limit.
 */
export const maxTokensMax = 32_768;
