/**
 * Tokens of one answer, at most. Apart from the other limits, since the pages' job state needs this one alone from the first
 * paint on.
 */
export const maxTokensMax = 32_768;
