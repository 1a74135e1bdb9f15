import { z } from 'zod';
import { camelCase, snakeCase } from '#lib/base/letter-case.ts';
import { capsSchema, keyTermsSchema } from '../../api-key.ts';

/** Bodies of the routes with which a wallet signs in and makes keys. Times are seconds since 1970. */

const timeSchema = z.number().int();

export const nonceSchema = z.object({
  nonce: z.string(),
  /** The host that the message must name. */
  domain: z.string(),
  expires_at: timeSchema,
});

export const signedSchema = z.object({ message: z.string().max(4_096), signature: z.string().max(16_384) });

export const sessionSchema = z.object({ token: z.string(), address: z.string(), expires_at: timeSchema });

/** Members of the HTTP API are in snake case, those of a key's terms are not. */
const renamed = <T>(members: Readonly<Record<string, T>>, name: (given: string) => string): Record<string, T> =>
  Object.fromEntries(Object.entries(members).map(([given, value]) => [name(given), value]));
export const toTerms = <T>(members: Readonly<Record<string, T>>) => renamed(members, camelCase);
export const fromTerms = <T>(members: Readonly<Record<string, T>>) => renamed(members, snakeCase);

const capsBodySchema = z.strictObject(fromTerms(capsSchema.shape), { error: 'must be an object of known caps' });

const { name, type, models, origins } = keyTermsSchema.shape;

/** What a key is to allow. What its members must be together is checked with `keyTermsSchema`. */
export const keyRequestSchema = z.strictObject({
  name,
  type,
  models,
  origins,
  expires_at: z.number({ error: 'must be a time in seconds since 1970' }).int().positive().nullish(),
  caps: capsBodySchema.nullish(),
});

export const keySchema = z.object({
  id: z.string(),
  object: z.literal('key'),
  name: z.string(),
  type: z.enum(['secret', 'publishable']),
  models: z.array(z.string()),
  origins: z.array(z.string()),
  caps: capsBodySchema,
  created_at: timeSchema,
  expires_at: timeSchema.nullable(),
  revoked_at: timeSchema.nullable(),
});

const countSchema = z.number().int();

/** A key to whoever holds it. Credits are text, so that no client rounds them. */
export const keyStateSchema = keySchema.extend({
  used: z.object({
    requests_today: countSchema,
    tokens_today: countSchema,
    requests_total: countSchema,
    tokens_total: countSchema,
    credits_this_month: z.string(),
  }),
  /** When the month of a plan begins anew. */
  month_ends_at: timeSchema,
});

/** `key` stands in this answer alone. */
export const createdKeySchema = keySchema.extend({ key: z.string() });

export const keyListSchema = z.object({ object: z.literal('list'), data: z.array(keySchema) });

export const revokedKeySchema = z.object({ id: z.string(), object: z.literal('key'), deleted: z.literal(true) });
