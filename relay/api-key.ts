import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Random } from '#lib/base/random.ts';
import { limits } from '#lib/protocol/limits.ts';
import { readOrigin } from './http/origin.ts';

/**
 * A key of this relay's gateway. The key itself is shown once, when it is made; only its SHA-256 is stored. It has 256
 * random bits, so that a slow hash would protect nothing further.
 */
export interface ApiKey extends KeyTerms {
  /** The beginning of the hash: names the key without giving it away. */
  readonly id: string;
  /** The wallet that made it, as a lower-case address; undefined for the operator's own. */
  readonly owner: string | undefined;
  /** Milliseconds since the epoch, like all times here. */
  readonly createdAt: number;
  readonly revokedAt: number | undefined;
}

/** What a key allows. */
export type KeyTerms = z.output<typeof keyTermsSchema>;
/** Limits of a key; one that is left out does not apply. Days are those of UTC. */
export type KeyCaps = z.output<typeof capsSchema>;

const whole = (most: number) => {
  const error = `must be a whole number from 1 to ${most}`;
  return z.number({ error }).int({ error }).min(1, { error }).max(most, { error }).optional();
};
const countMax = 1_000_000_000_000;

export const capsSchema = z.strictObject({
  requestsPerDay: whole(countMax),
  requestsTotal: whole(countMax),
  /** Prompt and answer together. */
  tokensPerDay: whole(countMax),
  tokensTotal: whole(countMax),
  /** A plan: what its requests may cost in a calendar month. What is left of a month is not carried over. */
  creditsPerMonth: whole(1_000_000),
  /** Instead of the relay's own rates. */
  requestsPerMinute: whole(countMax),
  tokensPerMinute: whole(countMax),
});

const listMax = 64;

export const keyTermsSchema = z
  .strictObject({
    name: z.string({ error: 'must be a string' }).max(100, { error: 'must have at most 100 characters' }).default(''),
    /** A publishable key stands in pages for everybody to read: it works on its origins alone, and within a daily cap. */
    type: z.enum(['secret', 'publishable'], { error: 'must be "secret" or "publishable"' }).default('secret'),
    /** Names or artefacts; empty for every model. */
    models: z.array(z.string().min(1).max(limits.nameLengthMax)).max(listMax).default([]),
    /** Pages that may use it. Empty: programs, and the pages that may use this relay anyway. */
    origins: z
      .array(
        z.string().transform((text, context) => {
          const origin = readOrigin(text);
          if (origin !== undefined) return origin;
          context.addIssue('must be an origin such as https://app.example, without a path');
          return z.NEVER;
        }),
      )
      .max(listMax)
      .default([]),
    expiresAt: z.number({ error: 'must be a time' }).int().optional(),
    caps: capsSchema.default({}),
  })
  .superRefine(({ type, origins, caps }, context) => {
    if (type !== 'publishable') return;
    if (origins.length === 0) {
      context.addIssue({ code: 'custom', path: ['origins'], message: 'must name the origins of a publishable key' });
    }
    if (caps.requestsPerDay === undefined && caps.tokensPerDay === undefined) {
      const message = 'must limit the requests or the tokens per day of a publishable key';
      context.addIssue({ code: 'custom', path: ['caps'], message });
    }
  });

const prefixes = { secret: 'sk_', publishable: 'pk_' } as const satisfies Record<KeyTerms['type'], string>;
const keyForm = /^[ps]k_[\w-]{43}$/;

/** 32 random bytes in base64url after `sk_` or `pk_`. */
export const drawKey = (type: KeyTerms['type'], random: Random): string =>
  `${prefixes[type]}${Buffer.from(random.bytes(32)).toString('base64url')}`;

/** Whether a text has the form of a key. Clients send any text where none is needed. */
export const isKey = (text: string): boolean => keyForm.test(text);

/** SHA-256 in hexadecimal digits. */
export const hashOfKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** Of a key, by its hash. */
export const keyIdOf = (hash: string): string => hash.slice(0, 16);
