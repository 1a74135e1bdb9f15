import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import type { LedgerDatabase } from './database.ts';

/** What these books are told from others by on a chain: 32 bytes, drawn once, the same for all relays that share them. */
export async function drawMark(db: LedgerDatabase, random: Random): Promise<`0x${string}`> {
  await db
    .insertInto('ledger_mark')
    .values({ id: 'own', mark: `0x${toHex(random.bytes(32))}` })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  return (await markOf(db))!;
}

/** Undefined where these books have collected nothing yet. */
export async function markOf(db: LedgerDatabase): Promise<`0x${string}` | undefined> {
  const row = await db.selectFrom('ledger_mark').select('mark').executeTakeFirst();
  return row?.mark as `0x${string}` | undefined;
}
