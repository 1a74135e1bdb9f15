import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres } from '../../../scripts/tasks/services.ts';
import { escrowCases } from '../../compliance/ledger-escrows.ts';
import { levyCases } from '../../compliance/ledger-levy.ts';
import { sharedUpkeepCases, upkeepCases } from '../../compliance/ledger-upkeep.ts';
import { workCases } from '../../compliance/ledger-work.ts';
import { ledgerCases } from '../../compliance/ledger.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { change } from '../../../relay/ledger/transaction.ts';
import { startPostgres, type Service } from '../../fixtures/services.ts';

describe.skipIf(findPostgres() === undefined)('in Postgres (needs the package "postgresql")', () => {
  let server: Service;
  let admin: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    admin = new pg.Pool({ connectionString: server.url });
    // The server may end before its connections do.
    admin.on('error', () => undefined);
  });
  afterAll(async () => {
    await admin?.end();
    await server?.dispose();
  });
  const create = async (name: string) => {
    await admin.query(`CREATE DATABASE ${name}`);
    return { url: server.url.replace(/postgres$/, name) };
  };

  test.each(
    [...ledgerCases, ...escrowCases, ...levyCases, ...upkeepCases, ...sharedUpkeepCases, ...workCases].map(
      (one, index) => [one.name, one.run, index] as const,
    ),
  )('%s', async (_name, run, index) => run(await create(`case_${index}`)));

  test('several that open it at once agree on its tables', async () => {
    const location = await create('together');
    const all = await Promise.all(Array.from({ length: 4 }, () => openDatabase(location)));
    for (const db of all) expect(await db.selectFrom('keys').select('id').execute()).toEqual([]);
    await Promise.all(all.map((db) => db.destroy()));
  });

  test('a pooler that forgets what was prepared costs one transaction its first try', async () => {
    const db = await openDatabase(await create('forgetful'));
    const add = (nonce: string) =>
      db.transact(() => change(db.insertInto('nonces').values({ nonce, expires_at: 1n }).compile()));
    expect(await add('a')).toBe(1n);
    // The only connection that there is so far.
    await sql`DEALLOCATE ALL`.execute(db);
    expect([await add('b'), await add('c')]).toEqual([1n, 1n]);
    expect(await db.selectFrom('nonces').select('nonce').orderBy('nonce').execute()).toHaveLength(3);
    await db.destroy();
  });

  test('a connection that breaks while it is in use fails its transaction, and nothing else', async () => {
    const db = await openDatabase(await create('broken'));
    const broken = db.transaction().execute(async (write) => {
      const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(write);
      await admin.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      await sql`SELECT pg_sleep(60)`.execute(write);
    });
    // Without a listener of its own the connection's error would end the process.
    await expect(broken).rejects.toThrow();
    expect(await db.selectFrom('nonces').select('nonce').execute()).toEqual([]);
    await db.destroy();
  });

  test('one that is not there is reported, and its password is not', async () => {
    const url = 'postgres://user:secret@127.0.0.1:1/none';
    const error = await openDatabase({ url }).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'database-unavailable' });
    expect((error as Error).message).not.toContain('secret');
  });
});
