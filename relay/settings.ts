import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { serverUrl } from '#lib/engine/remote/server-url.ts';
import { features } from '#lib/protocol/kinds/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { CommandName } from './commands.ts';
import { createClientAddressResolver } from './http/client-address.ts';
import { readOrigin } from './http/origin.ts';

/** The settings of each command, from the environment. Each has a row in docs/OPERATING.md; a test compares the two. */
export type RelayEnv = z.output<typeof envSchemas.relay>;
export type ProvideEnv = z.output<typeof envSchemas.provide>;
export type KeyCreateEnv = z.output<(typeof envSchemas)['keys create']>;
export type KeyRevokeEnv = z.output<(typeof envSchemas)['keys revoke']>;
export type LedgerEnv = Pick<RelayEnv, keyof typeof ledgerShape | 'DATA_DIR'>;
export type NativeEnv = Pick<RelayEnv, keyof typeof nativeShape>;

export type LogLevel = (typeof logLevels)[number];
const logLevels = ['silent', 'warn', 'info'] as const;

/** Relays that a command may be given. */
const relaysMax = 16;
/** Model servers of one provider. */
export const backendsMax = 16;

const list = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
  .pipe(z.array(z.string()).max(64));

/** A site's address and nothing more: parts that would be dropped silently are refused. */
const siteSchema = z.string().transform((text, context) => {
  const url = URL.parse(text);
  const http = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url && http && url.href === `${url.origin}/` && text !== '*') return url;
  context.addIssue(`"${text}" is no origin; write it like https://app.example, without a path or a user name`);
  return z.NEVER;
});

const originSchema = z.string().transform((text, context) => {
  const origin = readOrigin(text);
  if (origin !== undefined) return origin;
  context.addIssue(
    `"${text}" is no origin; write it like https://app.example or app://name, without a path or a user name`,
  );
  return z.NEVER;
});

/** Digits only: hexadecimal, blanks and exponents are more likely mistakes than intent. */
const numberSchema = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,6})?$/, 'it is no number written in digits')
  .transform(Number);

/** An address without a path means `/v1`, where every server of this kind has its API. */
export const serverSchema = z.string().transform((text, context) => {
  try {
    const url = serverUrl(text);
    return url.pathname === '/' ? new URL('v1/', url).href : url.href;
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message.replace(/\.$/, '') : 'it is no address');
    return z.NEVER;
  }
});

const networksSchema = list.superRefine((networks, context) => {
  try {
    createClientAddressResolver(networks);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message.replace(/\.$/, '') : 'it is no network');
  }
});

/** A relay as its pages are reached, over WebSocket or http: `wss://relay.example`, `http://localhost:8080`. */
const relayUrlSchema = z.string().transform((text, context) => {
  const url = URL.parse(text.replace(/^ws(?=s?:\/\/)/i, 'http'));
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url;
  context.addIssue(`"${text}" is no relay; write it like wss://relay.example or ws://localhost:8080`);
  return z.NEVER;
});

const modelNames = list.pipe(z.array(z.string().max(limits.nameLengthMax)).max(limits.offerModelsMax)).default([]);

const path = z
  .string()
  .min(1)
  .transform((given) => (isAbsolute(given) ? given : resolve(given)));

const processShape = {
  LOG_LEVEL: z.enum(logLevels).default('warn'),
  SHUTDOWN_SECONDS: numberSchema.pipe(z.number().max(600)).default(10),
};

/** What a native provider serves, in a relay or as a process of its own. */
const nativeShape = {
  NATIVE_SERVER: list.pipe(z.array(serverSchema).max(backendsMax)).default([]),
  BACKENDS: path.optional(),
  NATIVE_SERVER_KIND: z.enum(['detect', 'openai', 'vllm', 'ollama', 'llama-server']).default('detect'),
  NATIVE_SERVER_KEY: z.string().optional(),
  NATIVE_MODELS: modelNames,
  NATIVE_EMBEDDING_MODELS: modelNames,
  NATIVE_FEATURES: list.pipe(z.array(z.enum(['probe', ...features]))).default(['probe']),
  NATIVE_CONTEXT_TOKENS: numberSchema.pipe(z.number().int().min(64).max(1_048_576)).optional(),
  HARDWARE_CARD: z.enum(['on', 'off']).default('on'),
  NATIVE_SLOTS: numberSchema.pipe(z.number().int().min(1).max(256)).default(8),
};

/** A server that several relays may share. Its password stays out of error messages. */
const databaseUrlSchema = z.string().refine((text) => /^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? ''), {
  error: 'write it like postgres://user:password@host:5432/name',
});

const redisUrlSchema = z.string().refine((text) => /^rediss?:$/.test(URL.parse(text)?.protocol ?? ''), {
  error: 'write it like redis://:password@host:6379',
});

const serverAddressSchema = z.string().refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), {
  error: 'write it like https://rpc.example',
});

/** Where the keys of the gateway and its ledger are. */
const ledgerShape = {
  DATABASE_URL: databaseUrlSchema.optional(),
};
const ledgerEnv = { ...ledgerShape, DATA_DIR: path.prefault('data') };
const count = numberSchema.pipe(z.number().int().min(1)).optional();

const rate = numberSchema.pipe(z.number().int().min(1));

const port = numberSchema.pipe(z.number().int().max(65_535));

export const envSchemas = {
  relay: z.object({
    ...processShape,
    ...nativeShape,
    ...ledgerShape,
    DATA_DIR: path.prefault('data'),
    API_KEYS: z.enum(['optional', 'required']).default('optional'),
    PORT: port.default(8080),
    HOST: z.string().min(1).default('127.0.0.1'),
    PUBLIC_URL: siteSchema.optional(),
    METRICS_TOKEN: z.string().min(16, 'it needs at least 16 characters').optional(),
    ALLOWED_HOSTS: list
      .pipe(z.array(z.string().regex(/^[a-z0-9.-]+$/i, 'a host is a name or an address without port')))
      .default([]),
    ALLOWED_ORIGINS: list.pipe(z.array(originSchema)).default([]),
    TRUSTED_PROXIES: networksSchema.default([]),
    CONNECTIONS_PER_ADDRESS: numberSchema.pipe(z.number().int().min(1).max(10_000)).default(256),
    JOBS_PER_ADDRESS: numberSchema.pipe(z.number().int().min(1).max(10_000)).default(64),
    JOBS_PER_KEY: numberSchema.pipe(z.number().int().min(1).max(10_000)).default(64),
    REQUESTS_PER_MINUTE: rate.default(600),
    TOKENS_PER_MINUTE: rate.default(1_000_000),
    REQUESTS_PER_MINUTE_TOTAL: rate.default(12_000),
    REDIS_URL: redisUrlSchema.optional(),
    CHAIN_RPC_URL: serverAddressSchema.optional(),
    NATIVE: z.enum(['on', 'off']).default('on'),
    RELAYS: list.pipe(z.array(relayUrlSchema).max(relaysMax)).default([]),
  }),
  provide: z.object({
    ...processShape,
    ...nativeShape,
    DATA_DIR: path.prefault('data/provide'),
    RELAYS: z
      .string({ error: 'name at least one relay, as in --relays ws://localhost:8080' })
      .pipe(list)
      .pipe(z.array(relayUrlSchema).min(1).max(relaysMax)),
    DIRECT_PORT: port.optional(),
  }),
  'keys create': z.object({
    ...ledgerEnv,
    KEY_NAME: z.string().max(100).default(''),
    KEY_TYPE: z.enum(['secret', 'publishable']).default('secret'),
    KEY_MODELS: list.default([]),
    KEY_ORIGINS: list.pipe(z.array(originSchema)).default([]),
    KEY_DAYS: numberSchema.pipe(z.number().int().min(1).max(36_500)).optional(),
    KEY_REQUESTS_PER_DAY: count,
    KEY_REQUESTS_TOTAL: count,
    KEY_TOKENS_PER_DAY: count,
    KEY_TOKENS_TOTAL: count,
    KEY_REQUESTS_PER_MINUTE: count,
    KEY_TOKENS_PER_MINUTE: count,
  }),
  'keys list': z.object(ledgerEnv),
  'keys revoke': z.object({
    ...ledgerEnv,
    KEY_ID: z
      .string({ error: 'name a key, as in --id 0123456789abcdef; "keys list" names them' })
      .regex(/^[0-9a-f]{16}$/, 'a key is named by the 16 digits that "keys list" prints'),
  }),
};

/** Variables that may hold a password, which is repeated nowhere. */
const secrets: ReadonlySet<string> = new Set(['DATABASE_URL', 'REDIS_URL', 'CHAIN_RPC_URL', 'NATIVE_SERVER_KEY']);

/**
 * Reads the environment of a command. An empty variable counts as unset.
 * @throws `bad-setting`, naming the variable.
 */
export function readEnv<Name extends CommandName>(
  command: Name,
  variables: Readonly<Record<string, string | undefined>>,
): z.output<(typeof envSchemas)[Name]> {
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = envSchemas[command].safeParse(set);
  if (parsed.success) return parsed.data as z.output<(typeof envSchemas)[Name]>;
  const issue = parsed.error.issues[0]!;
  const name = String(issue.path[0]);
  const given = set[name];
  const message =
    given === undefined
      ? `${name} is missing: `
      : secrets.has(name)
        ? `${name} cannot be used: `
        : `${name} cannot be "${given}": `;
  throw new TabloomError('bad-setting', `${message}${issue.message}.`, { details: { name } });
}
