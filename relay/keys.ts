import { join } from 'node:path';
import { TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { systemRandom } from '#lib/base/random.ts';
import { keyTermsSchema, type ApiKey, type KeyCaps } from './api-key.ts';
import { openDatabase, type DatabaseLocation } from './ledger/database.ts';
import { createKeyBook, type KeyBook } from './ledger/keys.ts';
import type { Printed } from './program.ts';
import type { KeyCreateEnv, KeyRevokeEnv, LedgerEnv } from './settings/commands.ts';

/** Where the keys and the ledger are. */
export const ledgerLocation = ({ DATABASE_URL, DATA_DIR }: LedgerEnv): DatabaseLocation =>
  DATABASE_URL === undefined ? { file: join(DATA_DIR, 'ledger.db') } : { url: DATABASE_URL };

/** `keys create`. The key alone goes to standard output. @throws `bad-flag`, and as `openDatabase` does. */
export const createKey = (env: KeyCreateEnv): Promise<Printed> =>
  withKeys(env, async (keys) => {
    const parsed = keyTermsSchema.safeParse({
      name: env.KEY_NAME,
      type: env.KEY_TYPE,
      models: env.KEY_MODELS,
      origins: env.KEY_ORIGINS,
      expiresAt: env.KEY_DAYS === undefined ? undefined : Date.now() + env.KEY_DAYS * dayMs,
      caps: {
        requestsPerDay: env.KEY_REQUESTS_PER_DAY,
        requestsTotal: env.KEY_REQUESTS_TOTAL,
        tokensPerDay: env.KEY_TOKENS_PER_DAY,
        tokensTotal: env.KEY_TOKENS_TOTAL,
        creditsPerMonth: env.KEY_CREDITS_PER_MONTH,
        requestsPerMinute: env.KEY_REQUESTS_PER_MINUTE,
        tokensPerMinute: env.KEY_TOKENS_PER_MINUTE,
      },
    });
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      throw new TabloomError('bad-flag', `${path.join('.')} ${message}.`);
    }
    const { key, record } = await keys.create(parsed.data, undefined);
    const notes = `Key ${record.id} was made. It is shown once and only its hash is stored.\n`;
    return { out: `${key}\n`, notes };
  });

/** `keys list`: a line for each key, newest first. */
export const listKeys = (env: LedgerEnv): Promise<Printed> =>
  withKeys(env, async (keys) => {
    const all = await keys.list(undefined);
    const lines = all.map((key) => `${describeKey(key, Date.now())}\n`);
    return { out: lines.join(''), notes: all.length === 0 ? 'There are no keys.\n' : '' };
  });

/** `keys revoke`. @throws `key-unknown`. */
export const revokeKey = (env: KeyRevokeEnv): Promise<Printed> =>
  withKeys(env, async (keys) => {
    if (!(await keys.revoke(env.KEY_ID, undefined))) {
      throw new TabloomError('key-unknown', `There is no key "${env.KEY_ID}". "keys list" names them.`);
    }
    return { out: '', notes: `Key ${env.KEY_ID} is revoked. Requests with it are refused from now on.\n` };
  });

const dayMs = 86_400_000;

async function withKeys<T>(env: LedgerEnv, run: (keys: KeyBook) => Promise<T>): Promise<T> {
  const db = await openDatabase(ledgerLocation(env));
  try {
    return await run(createKeyBook(db, { now: Date.now, random: systemRandom }));
  } finally {
    await db.destroy();
  }
}

function describeKey(key: ApiKey, now: number): string {
  const { id, type, name, owner, models, origins, caps, expiresAt, revokedAt } = key;
  const state = revokedAt !== undefined ? 'revoked' : (expiresAt ?? now + 1) <= now ? 'expired' : 'valid';
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  return [
    id,
    state,
    type,
    `created ${day(key.createdAt)}`,
    ...(expiresAt === undefined ? [] : [`expires ${day(expiresAt)}`]),
    ...(owner === undefined ? [] : [`wallet ${owner}`]),
    ...(models.length === 0 ? [] : [`models ${models.join(',')}`]),
    ...(origins.length === 0 ? [] : [`origins ${origins.join(',')}`]),
    ...Object.entries(caps).map(([cap, most]) => `${capNames[cap as keyof KeyCaps]} ${most}`),
    ...(name === '' ? [] : [JSON.stringify(printable(name))]),
  ].join('  ');
}

const capNames: Readonly<Record<keyof KeyCaps, string>> = {
  requestsPerDay: 'requests-per-day',
  requestsTotal: 'requests-total',
  tokensPerDay: 'tokens-per-day',
  tokensTotal: 'tokens-total',
  creditsPerMonth: 'credits-per-month',
  requestsPerMinute: 'requests-per-minute',
  tokensPerMinute: 'tokens-per-minute',
};
