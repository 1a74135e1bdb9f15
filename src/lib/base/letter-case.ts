/** `tokensPerDay` → `tokens_per_day`, as JSON interfaces name their members. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `tokens_per_day` → `tokensPerDay`. */
export const camelCase = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
