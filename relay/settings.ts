import { isAbsolute, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { serverUrl } from '#lib/engine/remote/server-url.ts';
import { features } from '#lib/protocol/kinds/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createClientAddressResolver } from './http/client-address.ts';

/** The settings from the environment. Each member has a row in docs/OPERATING.md; a test compares the two. */
export type Env = z.output<typeof envSchema>;

export type LogLevel = (typeof logLevels)[number];
const logLevels = ['silent', 'warn', 'info'] as const;

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

/**
 * An origin as browsers write it: of a site, an app or an extension (`app://obsidian.md`,
 * `chrome-extension://…`, `vscode-webview://…`, `tauri://localhost`), whose origins the URL standard calls opaque but
 * browsers send all the same. Schemes without a host identify no one.
 */
const originSchema = z.string().transform((text, context) => {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` && text !== '*') return url.origin;
  const app = /^([a-z][a-z0-9+.-]*):\/\/([\w.-]+(?::\d{1,5})?)\/?$/i.exec(text);
  const scheme = app?.[1]!.toLowerCase();
  if (app && !/^(https?|wss?|ftp|file|data|blob|about|javascript)$/.test(scheme!)) return `${scheme}://${app[2]}`;
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

const serverSchema = z.string().transform((text, context) => {
  try {
    return serverUrl(text).href;
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

export const envSchema = z
  .object({
    PORT: numberSchema.pipe(z.number().int().max(65_535)).default(8080),
    HOST: z.string().min(1).default('127.0.0.1'),
    DATA_DIR: z
      .string()
      .min(1)
      .default('data')
      .transform((path) => (isAbsolute(path) ? path : resolve(path))),
    PUBLIC_URL: siteSchema.optional(),
    ALLOWED_HOSTS: list
      .pipe(z.array(z.string().regex(/^[a-z0-9.-]+$/i, 'a host is a name or an address without port')))
      .default([]),
    ALLOWED_ORIGINS: list.pipe(z.array(originSchema)).default([]),
    TRUSTED_PROXIES: networksSchema.default([]),
    LOG_LEVEL: z.enum(logLevels).default('warn'),
    SHUTDOWN_SECONDS: numberSchema.pipe(z.number().max(600)).default(10),
    NATIVE: z.enum(['on', 'off']).default('on'),
    NATIVE_SERVER: serverSchema.optional(),
    NATIVE_SERVER_KIND: z.enum(['openai', 'vllm', 'ollama', 'llama-server']).default('openai'),
    NATIVE_SERVER_KEY: z.string().optional(),
    NATIVE_MODELS: list.pipe(z.array(z.string().max(limits.nameLengthMax)).max(limits.offerModelsMax)).default([]),
    NATIVE_EMBEDDING_MODELS: list
      .pipe(z.array(z.string().max(limits.nameLengthMax)).max(limits.offerModelsMax))
      .default([]),
    NATIVE_FEATURES: list.pipe(z.array(z.enum(['probe', ...features]))).default(['probe']),
    NATIVE_CONTEXT_TOKENS: numberSchema.pipe(z.number().int().min(64).max(1_048_576)).default(4_096),
    NATIVE_SLOTS: numberSchema.pipe(z.number().int().min(1).max(256)).default(8),
  })
  .refine(
    ({ NATIVE_SERVER, NATIVE_MODELS, NATIVE_EMBEDDING_MODELS }) =>
      NATIVE_SERVER === undefined || NATIVE_MODELS.length + NATIVE_EMBEDDING_MODELS.length > 0,
    {
      path: ['NATIVE_MODELS'],
      message: 'name the models of NATIVE_SERVER that this relay may offer, separated by commas',
    },
  );

/**
 * Reads the environment. An empty variable counts as unset.
 * @throws `bad-setting`, naming the variable.
 */
export function readEnv(variables: Readonly<Record<string, string | undefined>>): Env {
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = envSchema.safeParse(set);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const name = String(issue.path[0]);
  throw new TabloomError('bad-setting', `${name} cannot be "${set[name] ?? ''}": ${issue.message}.`, {
    details: { name },
  });
}

/** The command-line flags; each overrides its environment variable. */
export interface Flags {
  readonly help: boolean;
  readonly open: boolean;
  /** The environment variables that the flags set. */
  readonly variables: Readonly<Record<string, string>>;
}

export const usage = `Usage: npm start -- [flags]

  --port <number>   the port for pages, gateway and network (PORT, 8080); 0 picks a free one
  --host <address>  the address to listen on (HOST, 127.0.0.1); 0.0.0.0 for all interfaces
  --no-native       run no model on this machine; only peers answer
  --open            open the page in the browser
  --help            show this text

Further settings are environment variables: see docs/OPERATING.md.`;

/** @throws `bad-flag`. */
export function readFlags(args: readonly string[]): Flags {
  const values = parse(args);
  const variables: Record<string, string> = {};
  if (values.port !== undefined) variables.PORT = values.port;
  if (values.host !== undefined) variables.HOST = values.host;
  if (values['no-native'] === true) variables.NATIVE = 'off';
  return { help: values.help === true, open: values.open === true, variables };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'no-native': { type: 'boolean' },
        open: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]! : 'unknown flag';
    throw new TabloomError('bad-flag', `${reason.replace(/\.? To specify.*$/, '')}. Try --help.`, { cause });
  }
}
