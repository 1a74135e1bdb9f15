import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { createServer as createNetServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import type { Finding } from '../../../relay/doctor/finding.ts';
import { runChecks } from '../../../relay/doctor/finding.ts';
import { checkChain, checkPostgres, checkRedis } from '../../../relay/doctor/services.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { runRelay, startRelay, temporaryFolder } from '../../fixtures/relay-process.ts';
import { selfSigned } from '../../fixtures/self-signed.ts';
import { startPostgres, startRedis } from '../../fixtures/services.ts';
import { startOpenAIServer } from '../engine/openai-server.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function examine(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder();
  open.push(() => rm(folder, { recursive: true, force: true }));
  const { code, text } = await runRelay(['doctor', ...args, '--json'], { DATA_DIR: folder, ...env });
  const { findings } = JSON.parse(text) as { readonly findings: readonly Finding[] };
  return { code, find: (id: string) => findings.find((finding) => finding.id.startsWith(id)) };
}

describe('the command', () => {
  test('beside a relay that runs, which it recognises and does not disturb', async () => {
    const dataDir = await temporaryFolder();
    open.push(() => rm(dataDir, { recursive: true, force: true }));
    const relay = await startRelay({ native: 'no-native', dataDir });
    open.push(relay.dispose);
    const args = ['--port', String(relay.port), '--no-native', '--relays', relay.url];
    const { code, find } = await examine(args, { DATA_DIR: dataDir, PUBLIC_URL: relay.url });
    expect(find('port')).toMatchObject({ state: 'ok', what: expect.stringContaining('A relay runs on port') });
    expect(find('data-folder')).toMatchObject({ state: 'ok', what: expect.stringContaining(`process ${relay.pid}`) });
    expect(find('relay ')).toMatchObject({ state: 'ok', what: expect.stringContaining('http and WebSocket') });
    // A stand-in for a proxy that says nothing of its visitors: whoever asks counts as this machine.
    expect(find('public-address')).toMatchObject({ state: 'fail', what: expect.stringContaining('/metrics is open') });
    expect(code).toBe(1);
    expect((await fetch(`${relay.url}/health`)).status).toBe(200);
  });

  test('all settings that are wrong are named, without secrets, and the rest is looked at', async () => {
    const secret = 'mysql://me:word-that-is-secret@db';
    const { code, text } = await runRelay(['doctor', '--port', 'x'], { DATABASE_URL: secret, HOST: '192.0.2.1' });
    expect(code).toBe(1);
    expect(text).toMatch(/^fail +setting PORT +PORT cannot be "x"/m);
    expect(text).toMatch(/^fail +setting DATABASE_URL +DATABASE_URL cannot be used/m);
    expect(text).toMatch(/^fail +port +This machine cannot listen on 192\.0\.2\.1/m);
    expect(text).not.toContain('word-that-is-secret');
  });

  test('a wrong flag is wrong usage', async () => {
    expect(await runRelay(['doctor', '--prot'])).toEqual({ code: 2, text: expect.stringMatching(/^bad-flag: /) });
  });

  test('provide without relays, with a model server', async () => {
    const server = await startOpenAIServer();
    open.push(server.close);
    const { code, find } = await examine(['provide', '--backend', server.baseUrl]);
    expect(code).toBe(1);
    expect(find('setting RELAYS')).toMatchObject({ state: 'fail', what: expect.stringContaining('--relays') });
    expect(find('model-server')).toMatchObject({ state: 'ok', what: expect.stringContaining('answers') });
    expect(find('relay ')).toBeUndefined();
  });

  test('a model server whose certificate nobody vouches for', async () => {
    const server = createServer(selfSigned, (_request, response) => response.end('{"data":[]}'));
    const { code, find } = await examine(['--backend', `https://127.0.0.1:${await portOf(server)}`, '--port', '0']);
    expect(code).toBe(1);
    expect(find('model-server')).toMatchObject({ state: 'fail', do: expect.stringContaining('"ca"') });
  });
});

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

const found = async (check: Parameters<typeof runChecks>[0][number]) => (await runChecks([check], systemClock))[0]!;

describe('services', () => {
  test('Redis, with and without its password, and gone', async () => {
    const redis = await startRedis();
    open.push(redis.dispose);
    expect(await found(checkRedis(redis.url))).toMatchObject({
      state: 'ok',
      what: expect.stringMatching(/(redis|valkey) \d/),
    });
    const wrong = redis.url.replace('//', '//someone:word-that-is-secret@');
    const refused = await found(checkRedis(wrong));
    expect(refused).toMatchObject({ state: 'fail', what: expect.stringContaining('password') });
    expect(JSON.stringify(refused)).not.toContain('word-that-is-secret');
    await redis.kill();
    expect(await found(checkRedis(redis.url))).toMatchObject({
      state: 'fail',
      what: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('Postgres: empty, up to date, of a newer version, without the database, and gone', async () => {
    const postgres = await startPostgres();
    open.push(postgres.dispose);
    const { url } = postgres;
    expect(await found(checkPostgres(url))).toMatchObject({
      state: 'ok',
      what: expect.stringContaining('at the next start'),
    });
    const db = await openDatabase({ url });
    expect(await found(checkPostgres(url))).toMatchObject({ state: 'ok', what: expect.stringContaining('up to date') });
    const { sql } = await import('kysely');
    await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '')`.execute(db);
    await db.destroy();
    expect(await found(checkPostgres(url))).toMatchObject({ state: 'fail', do: 'Update this program.' });
    const missing = url.replace(/\/postgres$/, '/nowhere');
    expect(await found(checkPostgres(missing))).toMatchObject({ state: 'fail', do: expect.stringContaining('Create') });
    await postgres.kill();
    expect(await found(checkPostgres(url))).toMatchObject({
      state: 'fail',
      what: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a chain, by what its server says', async () => {
    const answers = (body: string, status = 200) =>
      checkChain('http://rpc.example', async () => new Response(body, { status }));
    expect(await found(checkChain(undefined, fetch))).toMatchObject({ state: 'skipped' });
    const base = '{"jsonrpc":"2.0","id":1,"result":"0x2105"}';
    expect(await found(answers(base))).toMatchObject({ state: 'ok', what: expect.stringContaining('chain 8453') });
    expect(await found(answers('{"error":"key"}', 401))).toMatchObject({
      state: 'fail',
      what: expect.stringContaining('401'),
    });
    expect(await found(answers('<html>'))).toMatchObject({ state: 'fail' });
    const closed = createNetServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await found(checkChain(`http://127.0.0.1:${port}`, fetch))).toMatchObject({
      state: 'fail',
      what: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
