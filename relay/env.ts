import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';

/** What the environment may set. Each row of docs/OPERATING.md is one member here; a test compares the two. */
export type Env = z.output<typeof envSchema>;

export type LogLevel = (typeof logLevels)[number];
const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;

const list = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
  .pipe(z.array(z.string()).max(64));

const originSchema = z.string().transform((text, context) => {
  const url = URL.parse(text);
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && url.pathname === '/' && text !== '*')
    return url.origin;
  context.addIssue(`"${text}" is no origin; write it like https://app.example`);
  return z.NEVER;
});

export const envSchema = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  HOST: z.string().min(1).default('127.0.0.1'),
  DATA_DIR: z
    .string()
    .min(1)
    .default('data')
    .transform((path) => (isAbsolute(path) ? path : resolve(path))),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .transform((text) => new URL(text))
    .optional(),
  ALLOWED_HOSTS: list
    .pipe(z.array(z.string().regex(/^[a-z0-9.-]+$/i, 'a host is a name or an address without port')))
    .default([]),
  ALLOWED_ORIGINS: list.pipe(z.array(originSchema)).default([]),
  LOG_LEVEL: z.enum(logLevels).default('warn'),
  SHUTDOWN_SECONDS: z.coerce.number().min(0).max(600).default(10),
  NATIVE: z.enum(['on', 'off']).default('on'),
});

/**
 * Reads the environment. A variable that is set to nothing counts as not set.
 * @throws `bad-setting`, naming the variable.
 */
export function readEnv(variables: Readonly<Record<string, string | undefined>>): Env {
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = envSchema.safeParse(set);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const name = String(issue.path[0]);
  throw new TabloomError('bad-setting', `${name} cannot be "${set[name]}": ${issue.message}.`, { details: { name } });
}
