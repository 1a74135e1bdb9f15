import { createHash } from 'node:crypto';
import { TabloomError } from '#lib/base/errors.ts';
import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import type { LedgerDatabase } from './database.ts';

/** Wallets that have signed in. Of a session's token only the hash is stored; a nonce serves once. */
export interface SessionBook {
  /** A nonce for one sign-in, valid for ten minutes. @throws `gateway-busy` while too many are out. */
  drawNonce(): Promise<{ readonly nonce: string; readonly expiresAt: number }>;
  /** False when it is unknown, expired or used. */
  useNonce(nonce: string): Promise<boolean>;
  open(address: string): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /** The wallet of a session that has not ended. */
  find(token: string): Promise<string | undefined>;
  /** Idempotent. */
  end(token: string): Promise<void>;
}

const nonceMs = 10 * 60_000;
const noncesMax = 10_000;
const sessionMs = 12 * 3_600_000;

export function createSessionBook(
  db: LedgerDatabase,
  { now, random }: { readonly now: () => number; readonly random: Random },
): SessionBook {
  return {
    async drawNonce() {
      await db.deleteFrom('nonces').where('expires_at', '<=', BigInt(now())).execute();
      const { count } = await db
        .selectFrom('nonces')
        .select(({ fn }) => fn.countAll<bigint>().as('count'))
        .executeTakeFirstOrThrow();
      if (count >= noncesMax) {
        throw new TabloomError('gateway-busy', 'Too many wallets are signing in. Try again in a minute.');
      }
      const nonce = toHex(random.bytes(16));
      const expiresAt = now() + nonceMs;
      await db
        .insertInto('nonces')
        .values({ nonce, expires_at: BigInt(expiresAt) })
        .execute();
      return { nonce, expiresAt };
    },
    async useNonce(nonce) {
      const { numDeletedRows } = await db
        .deleteFrom('nonces')
        .where('nonce', '=', nonce)
        .where('expires_at', '>', BigInt(now()))
        .executeTakeFirstOrThrow();
      return numDeletedRows === 1n;
    },
    async open(address) {
      await db.deleteFrom('sessions').where('expires_at', '<=', BigInt(now())).execute();
      const token = `st_${Buffer.from(random.bytes(32)).toString('base64url')}`;
      const expiresAt = now() + sessionMs;
      await db
        .insertInto('sessions')
        .values({ hash: hash(token), address, expires_at: BigInt(expiresAt) })
        .execute();
      return { token, expiresAt };
    },
    async find(token) {
      const row = await db
        .selectFrom('sessions')
        .select('address')
        .where('hash', '=', hash(token))
        .where('expires_at', '>', BigInt(now()))
        .executeTakeFirst();
      return row?.address;
    },
    async end(token) {
      await db.deleteFrom('sessions').where('hash', '=', hash(token)).execute();
    },
  };
}

const hash = (token: string): string => createHash('sha256').update(token).digest('hex');
