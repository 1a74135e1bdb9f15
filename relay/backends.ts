import { readFile } from 'node:fs/promises';
import { isAbsolute, join, dirname } from 'node:path';
import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { features } from '#lib/protocol/kinds/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { BackendConfig } from './native/bridge/backend-config.ts';
import { createServerFetch } from './native/server-fetch.ts';
import { backendsMax, type NativeEnv } from './settings/native.ts';
import { serverSchema } from './settings/values.ts';

const names = z.array(z.string().min(1).max(limits.nameLengthMax)).max(256);

const allowanceSchema = z.number().int().min(1).max(1_000_000_000_000).optional();

const backendSchema = z.strictObject({
  url: serverSchema,
  kind: z.enum(['detect', 'openai', 'vllm', 'ollama', 'llama-server']).default('detect'),
  key: z.string().min(1).optional(),
  /** A file that holds the key, relative to this one. */
  keyFile: z.string().min(1).optional(),
  /** A file with certificates of authorities, in PEM, that this server's certificate may be signed by. */
  ca: z.string().min(1).optional(),
  weight: z.number().positive().max(1_000).default(1),
  slots: z.number().int().min(1).max(256).default(8),
  reserve: z.number().int().min(0).default(0),
  contextTokens: z.number().int().min(64).max(limits.contextTokensMax).optional(),
  allow: names.default([]),
  deny: names.default([]),
  aliases: z.record(z.string().max(limits.nameLengthMax), z.string().min(1).max(limits.nameLengthMax)).default({}),
  embeddingModels: names.default([]),
  overflow: z.boolean().default(false),
  overflowRequestsPerDay: allowanceSchema,
  overflowTokensPerDay: allowanceSchema,
  features: z.array(z.enum(['probe', ...features])).default(['probe']),
});

type BackendEntry = z.output<typeof backendSchema>;

const fileSchema = z.strictObject({ backends: z.array(backendSchema).min(1).max(backendsMax) });

/**
 * The model servers that the settings name: those of `NATIVE_SERVER`, which share the other `NATIVE_` settings, and those
 * of the file `BACKENDS`, each with its own.
 * @throws `bad-setting`, saying what is wrong where.
 */
export async function readBackends(env: NativeEnv): Promise<readonly BackendConfig[]> {
  const fetch = createServerFetch();
  const named = env.NATIVE_SERVER.map((baseUrl): BackendConfig => ({
    baseUrl,
    flavour: env.NATIVE_SERVER_KIND,
    apiKey: env.NATIVE_SERVER_KEY,
    fetch,
    allow: env.NATIVE_MODELS,
    deny: [],
    aliases: {},
    embeddingModels: env.NATIVE_EMBEDDING_MODELS,
    features: env.NATIVE_FEATURES,
    contextTokens: env.NATIVE_CONTEXT_TOKENS,
    slots: env.NATIVE_SLOTS,
    reserve: env.NATIVE_RESERVE,
    weight: 1,
    overflow: undefined,
  }));
  if (env.NATIVE_RESERVE >= env.NATIVE_SLOTS) throw bad('NATIVE_RESERVE', everySlotReserved);
  const twice = repeated(named);
  if (twice !== undefined) throw bad('NATIVE_SERVER', namedTwice(twice));
  if (env.BACKENDS === undefined) return named;
  const all = [...named, ...(await readFileOf(env.BACKENDS))];
  const again = repeated(all);
  if (again !== undefined) throw bad('BACKENDS', namedTwice(again));
  if (all.length > backendsMax) {
    throw bad('BACKENDS', `there are more than ${backendsMax} model servers. Start another provider.`);
  }
  return all;
}

const repeated = (backends: readonly BackendConfig[]): string | undefined => {
  const urls = backends.map(({ baseUrl }) => baseUrl);
  return urls.find((url, index) => urls.indexOf(url) !== index);
};

const namedTwice = (url: string) => `the model server ${url} is named twice. Name it once.`;
const everySlotReserved = 'at least one slot must be left to others. Reserve fewer, or share nothing.';

async function readFileOf(path: string): Promise<readonly BackendConfig[]> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw bad('BACKENDS', `${path} cannot be read as JSON. Correct the path or the file.`, cause);
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw bad('BACKENDS', `${path}: ${issue.path.join('.') || 'the file'}: ${issue.message}.`);
  }
  const index = parsed.data.backends.findIndex(({ reserve, slots }) => reserve >= slots);
  if (index >= 0) throw bad('BACKENDS', `${path}: backends.${index}.reserve: ${everySlotReserved}`);
  for (const [place, backend] of parsed.data.backends.entries()) {
    const wrong = wrongOverflow(backend);
    if (wrong) throw bad('BACKENDS', `${path}: backends.${place}.${wrong}`);
  }
  const beside = (file: string) => (isAbsolute(file) ? file : join(dirname(path), file));
  const textOf = (file: string, what: string) =>
    readFile(beside(file), 'utf8').catch((cause: unknown) => {
      throw bad('BACKENDS', `the ${what} ${beside(file)} cannot be read. Correct the path.`, cause);
    });
  return Promise.all(
    parsed.data.backends.map(async ({ url, kind, key, keyFile, ca, ...others }): Promise<BackendConfig> => {
      const { overflow, overflowRequestsPerDay, overflowTokensPerDay, ...rest } = others;
      const apiKey = keyFile === undefined ? key : (await textOf(keyFile, 'key file')).trim();
      const authorities = ca === undefined ? undefined : await textOf(ca, 'certificate file');
      return {
        ...rest,
        baseUrl: url,
        flavour: kind,
        apiKey,
        fetch: createServerFetch(authorities === undefined ? {} : { authorities }),
        contextTokens: rest.contextTokens,
        overflow: overflow
          ? { requestsPerDay: overflowRequestsPerDay!, tokensPerDay: overflowTokensPerDay! }
          : undefined,
      };
    }),
  );
}

/** Which member is wrong about a server that is paid, and what to do. It is paid for nothing that its owner did not name. */
function wrongOverflow({ overflow, overflowRequestsPerDay, overflowTokensPerDay, ...backend }: BackendEntry) {
  if (!overflow) {
    if ((overflowRequestsPerDay ?? overflowTokensPerDay) === undefined) return undefined;
    return 'overflow: it must be true where something may be spent. Set it, or leave out the limits.';
  }
  if (overflowRequestsPerDay === undefined) return 'overflowRequestsPerDay: it is missing. Say how many are paid for.';
  if (overflowTokensPerDay === undefined) return 'overflowTokensPerDay: it is missing. Say how many are paid for.';
  if (backend.allow.length === 0) return 'allow: it is empty. Name the models that may be paid for.';
  if (backend.reserve > 0) return 'reserve: a server that is paid has no slots to keep. Leave it out.';
  return undefined;
}

const bad = (name: keyof NativeEnv, what: string, cause?: unknown) =>
  new TabloomError('bad-setting', `${name} is wrong: ${what}`, { cause, details: { name } });
