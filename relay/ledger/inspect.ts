import { migrations } from './migrations.ts';

/** Where the tables of a Postgres server stand. */
export interface DatabaseState {
  /** Steps that the next start will make. */
  readonly missing: readonly string[];
  /** Steps that a newer version of this program has made. */
  readonly unknown: readonly string[];
}

const noSuchTable = '42P01';

/** Reads which steps the tables have taken, and changes nothing. @throws what the connection or the server says. */
export async function inspectDatabase(url: string, signal: AbortSignal): Promise<DatabaseState> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 4_000 });
  client.on('error', () => undefined);
  const end = () => void client.end().catch(() => undefined);
  signal.addEventListener('abort', end, { once: true });
  try {
    await client.connect();
    const made = await client.query<{ readonly name: string }>('select name from kysely_migration').then(
      ({ rows }) => rows.map(({ name }) => name),
      (error: unknown): string[] => {
        if (error instanceof Error && 'code' in error && error.code === noSuchTable) return [];
        throw error;
      },
    );
    const known = Object.keys(migrations);
    return {
      missing: known.filter((name) => !made.includes(name)),
      unknown: made.filter((name) => !known.includes(name)),
    };
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}
