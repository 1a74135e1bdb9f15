import { TabloomError } from '#lib/base/errors.ts';
import type { Random } from '#lib/base/random.ts';
import { drawKey, hashOfKey, keyIdOf, keyTermsSchema, type ApiKey, type KeyTerms } from '../api-key.ts';
import type { KeyRow, LedgerDatabase } from './database.ts';
import { dayOf } from './ledger.ts';
import { monthOf, nextMonth } from './plan.ts';
import { totalPeriod } from './quota.ts';

/** The keys of this relay's gateway. `owner` is the wallet whose keys are meant; undefined for the operator, who has all. */
export interface KeyBook {
  /** Makes a key. `key` is shown here and never again. @throws `too-many-keys`. */
  create(terms: KeyTerms, owner: string | undefined): Promise<{ readonly key: string; readonly record: ApiKey }>;
  /** By the hash of the key; revoked and expired ones too. */
  find(hash: string): Promise<ApiKey | undefined>;
  /** The newest first, at most a thousand. */
  list(owner: string | undefined): Promise<readonly ApiKey[]>;
  /** False when there is no such key, or it is another's. Idempotent. */
  revoke(id: string, owner: string | undefined): Promise<boolean>;
  /** What it has used; what running jobs have reserved counts in full. */
  usage(id: string): Promise<KeyUsage>;
  /** Whether some key that was not revoked may be used from pages of this origin. */
  hasOrigin(origin: string): Promise<boolean>;
}

export interface KeyUsage {
  readonly requestsToday: number;
  readonly tokensToday: number;
  readonly requestsTotal: number;
  readonly tokensTotal: number;
  /** In micro-credits. */
  readonly unitsThisMonth: bigint;
  /** When the month begins anew, in milliseconds since the epoch. */
  readonly monthEndsAt: number;
}

const listedMax = 1_000;
/** Valid ones, of one wallet. */
const ownedMax = 100;

export function createKeyBook(
  db: LedgerDatabase,
  { now, random }: { readonly now: () => number; readonly random: Random },
): KeyBook {
  return {
    async create(terms, owner) {
      const key = drawKey(terms.type, random);
      const hash = hashOfKey(key);
      const record: ApiKey = { ...terms, id: keyIdOf(hash), owner, createdAt: now(), revokedAt: undefined };
      await db.transaction().execute(async (write) => {
        if (owner !== undefined) {
          const { count } = await write
            .selectFrom('keys')
            .select(({ fn }) => fn.countAll<bigint>().as('count'))
            .where('owner', '=', owner)
            .where('revoked_at', 'is', null)
            .executeTakeFirstOrThrow();
          if (count >= ownedMax) {
            throw new TabloomError('too-many-keys', `A wallet has at most ${ownedMax} keys. Revoke one first.`);
          }
        }
        await write
          .insertInto('keys')
          .values({
            id: record.id,
            hash,
            owner: owner ?? null,
            terms: JSON.stringify(terms),
            created_at: BigInt(record.createdAt),
            revoked_at: null,
          })
          .execute();
        for (const origin of new Set(terms.origins)) {
          await write.insertInto('key_origins').values({ origin, key_id: record.id }).execute();
        }
      });
      return { key, record };
    },
    async find(hash) {
      const row = await db.selectFrom('keys').selectAll().where('hash', '=', hash).executeTakeFirst();
      return row && readKey(row);
    },
    async list(owner) {
      let rows = db.selectFrom('keys').selectAll().orderBy('created_at', 'desc').orderBy('id').limit(listedMax);
      if (owner !== undefined) rows = rows.where('owner', '=', owner);
      return (await rows.execute()).map(readKey);
    },
    async revoke(id, owner) {
      return db.transaction().execute(async (write) => {
        let found = write.selectFrom('keys').select('id').where('id', '=', id);
        if (owner !== undefined) found = found.where('owner', '=', owner);
        if (!(await found.executeTakeFirst())) return false;
        await write
          .updateTable('keys')
          .set({ revoked_at: BigInt(now()) })
          .where('id', '=', id)
          .where('revoked_at', 'is', null)
          .execute();
        await write.deleteFrom('key_origins').where('key_id', '=', id).execute();
        return true;
      });
    },
    async usage(id) {
      const at = now();
      const periods = [dayOf(at), totalPeriod];
      const rows = await db
        .selectFrom('quota')
        .selectAll()
        .where('key_id', '=', id)
        .where('period', 'in', periods)
        .execute();
      const [today, total] = periods.map((period) => rows.find((row) => row.period === period));
      const spent = await db
        .selectFrom('spending')
        .select('units')
        .where('key_id', '=', id)
        .where('month', '=', monthOf(at))
        .executeTakeFirst();
      return {
        requestsToday: Number(today?.requests ?? 0n),
        tokensToday: Number(today?.tokens ?? 0n),
        requestsTotal: Number(total?.requests ?? 0n),
        tokensTotal: Number(total?.tokens ?? 0n),
        unitsThisMonth: spent?.units ?? 0n,
        monthEndsAt: nextMonth(at),
      };
    },
    async hasOrigin(origin) {
      const row = await db.selectFrom('key_origins').select('key_id').where('origin', '=', origin).executeTakeFirst();
      return row !== undefined;
    },
  };
}

const readKey = ({ id, owner, terms, created_at, revoked_at }: KeyRow): ApiKey => ({
  ...keyTermsSchema.parse(JSON.parse(terms)),
  id,
  owner: owner ?? undefined,
  createdAt: Number(created_at),
  revokedAt: revoked_at === null ? undefined : Number(revoked_at),
});
