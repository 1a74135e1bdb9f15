import { z } from 'zod';
import type { Settings } from './setting.ts';
import { count, decimal, list, origin } from './values.ts';

/** What a new key may do. */
export const keyTermSettings = {
  KEY_NAME: {
    schema: z.string().max(100).default(''),
    meaning: 'What the key is for.',
    flag: { name: 'name', argument: 'text', help: 'what it is for' },
  },
  KEY_TYPE: {
    schema: z.enum(['secret', 'publishable']).default('secret'),
    meaning: '`publishable`: a key that stands in pages, see [Keys](#keys).',
    flag: { name: 'publishable', value: 'publishable', help: 'for pages; needs origins and a daily cap' },
  },
  KEY_MODELS: {
    schema: list.default([]),
    standard: 'all',
    meaning: 'Models that it may use, separated by commas.',
    flag: { name: 'models', argument: 'names', help: 'models that it may use, by commas' },
  },
  KEY_ORIGINS: {
    schema: list.pipe(z.array(origin)).default([]),
    meaning: 'Origins of the pages that may use it, separated by commas.',
    flag: { name: 'origins', argument: 'urls', help: 'pages that may use it, by commas' },
  },
  KEY_DAYS: {
    schema: decimal.pipe(z.number().int().min(1).max(36_500)).optional(),
    standard: 'never',
    meaning: 'Days until it expires.',
    flag: { name: 'days', argument: 'number', help: 'days until it expires' },
  },
  KEY_REQUESTS_PER_DAY: {
    schema: count.optional(),
    meaning: 'Requests per day of UTC.',
    flag: { name: 'requests-per-day', argument: 'number', help: 'requests per day of UTC' },
  },
  KEY_REQUESTS_TOTAL: {
    schema: count.optional(),
    meaning: 'Requests in all.',
    flag: { name: 'requests-total', argument: 'number', help: 'requests in all' },
  },
  KEY_TOKENS_PER_DAY: {
    schema: count.optional(),
    meaning: 'Tokens per day of UTC, prompts and answers together.',
    flag: { name: 'tokens-per-day', argument: 'number', help: 'tokens per day of UTC' },
  },
  KEY_TOKENS_TOTAL: {
    schema: count.optional(),
    meaning: 'Tokens in all.',
    flag: { name: 'tokens-total', argument: 'number', help: 'tokens in all' },
  },
  KEY_CREDITS_PER_MONTH: {
    schema: count.optional(),
    meaning: 'A plan: credits per calendar month of UTC, of which the rest is not carried over. Needs a price.',
    flag: { name: 'credits-per-month', argument: 'number', help: 'a plan: credits per month of UTC' },
  },
  KEY_REQUESTS_PER_MINUTE: {
    schema: count.optional(),
    standard: "the relay's",
    meaning: 'Instead of `REQUESTS_PER_MINUTE`.',
    flag: { name: 'requests-per-minute', argument: 'number', help: 'requests per minute' },
  },
  KEY_TOKENS_PER_MINUTE: {
    schema: count.optional(),
    standard: "the relay's",
    meaning: 'Instead of `TOKENS_PER_MINUTE`.',
    flag: { name: 'tokens-per-minute', argument: 'number', help: 'tokens per minute' },
  },
} as const satisfies Settings;

export const keyIdSettings = {
  KEY_ID: {
    schema: z
      .string({ error: 'name a key, as in --id 0123456789abcdef; "keys list" names them' })
      .regex(/^[0-9a-f]{16}$/, 'a key is named by the 16 digits that "keys list" prints'),
    meaning: 'The key to revoke, as `keys list` names it.',
    flag: { name: 'id', argument: 'id', help: 'the key, as "keys list" names it' },
  },
} as const satisfies Settings;
