import { sql } from 'kysely';
import type { LedgerDatabase } from './database.ts';

/** What one wallet has paid another on a day of UTC for work of one kind and model, through escrows that were released. */
export interface SettledDay {
  /** Its beginning, in milliseconds since the epoch. */
  readonly day: number;
  readonly kind: string;
  readonly model: string;
  readonly payer: string;
  readonly payee: string;
  /** Micro-credits, the share of the network included. */
  readonly value: bigint;
  readonly units: bigint;
}

const dayMs = 86_400_000n;
const rowsMax = 100_000;

/** Of days that ended before the time, the newest `rowsMax` rows of them, oldest first. Escrows that name no model are left out. */
export async function settledDays(db: LedgerDatabase, before: number): Promise<readonly SettledDay[]> {
  const end = BigInt(before) - (BigInt(before) % dayMs);
  const rows = await db
    .selectFrom('escrows')
    .select([
      sql<bigint>`closed_at - closed_at % ${sql.lit(Number(dayMs))}`.as('day'),
      'kind',
      'model',
      'payer',
      'provider',
      sql<bigint>`CAST(SUM(delivered * price) AS BIGINT)`.as('value'),
      sql<bigint>`CAST(SUM(delivered) AS BIGINT)`.as('units'),
    ])
    .where('state', '=', 'released')
    .where('delivered', '>', 0n)
    .where('model', '<>', '')
    .where('closed_at', '<', end)
    .groupBy(['day', 'kind', 'model', 'payer', 'provider'])
    .orderBy('day', 'desc')
    .orderBy('kind')
    .orderBy('model')
    .orderBy('payer')
    .orderBy('provider')
    .limit(rowsMax)
    .execute();
  return rows
    .map(({ day, provider, kind, model, payer, value, units }) => ({
      day: Number(day),
      kind,
      model,
      payer,
      payee: provider,
      value,
      units,
    }))
    .toReversed();
}
