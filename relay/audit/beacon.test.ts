import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { toHex } from '#lib/base/bytes.ts';
import { errorCode } from '#lib/base/errors.ts';
import { ownChain } from '#lib/trust/beacon.fixture.ts';
import { readEnv } from '../settings/read-env.ts';
import { openBeacon } from './beacon.ts';

let folder: string;
let file: string;
const own = ownChain({ genesis: 1_000, periodSeconds: 3 });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-beacon-'));
  file = join(folder, 'chain.json');
  await writeFile(file, JSON.stringify(own.chain));
});
afterAll(() => rm(folder, { recursive: true }));

const round = 5;
const standard = readEnv('relay', {});
const urls = ['https://one.example', 'https://two.example'].map((url) => new URL(url));

/** By host: what each server answers, or how it fails. */
async function valueWith(answers: Readonly<Record<string, () => Response>>) {
  const asked: string[] = [];
  const fetch = (async (url: URL) => {
    asked.push(url.href);
    return answers[url.host]!();
  }) as unknown as typeof globalThis.fetch;
  const clock = manualClock(1_000_000 + round * 3_000);
  const beacon = await openBeacon({ env: { ...standard, BEACON_URLS: urls, BEACON_FILE: file }, fetch, clock });
  return { asked, value: await beacon.value(round) };
}
const good = () => Response.json({ round, signature: toHex(own.signRound(round)) });
const forged = () => Response.json({ round, signature: toHex(own.signRound(round + 1)) });

test('the first server that answers is enough, and is asked for the round of this chain', async () => {
  const { asked, value } = await valueWith({ 'one.example': good });
  expect(value.type).toBe('value');
  expect(asked).toEqual([`https://one.example/${own.chain.id}/public/${round}`]);
});

test.each([
  ['is not there', () => new Response('', { status: 404 })],
  ['says no JSON', () => new Response('<html>')],
  ['says too much', () => new Response(`{"signature":"${'a'.repeat(10_000)}"}`)],
  ['says something else', () => Response.json({ signature: 12 })],
  ['forges', forged],
])('where the first %s, the next one is asked', async (_, first) => {
  const { asked, value } = await valueWith({ 'one.example': first, 'two.example': good });
  expect(value.type).toBe('value');
  expect(asked).toHaveLength(2);
});

test('what no server has is missing, and what is forged is called that', async () => {
  const silent = () => new Response('', { status: 500 });
  expect((await valueWith({ 'one.example': silent, 'two.example': silent })).value.type).toBe('missing');
  expect((await valueWith({ 'one.example': forged, 'two.example': silent })).value.type).toBe('forged');
});

test('a file that is no chain is a wrong setting', async () => {
  const bad = join(folder, 'bad.json');
  await writeFile(bad, JSON.stringify({ ...own.chain, publicKey: 'ab' }));
  for (const path of [bad, join(folder, 'none.json')]) {
    const open = openBeacon({ env: { ...standard, BEACON_FILE: path }, fetch, clock: manualClock() });
    expect(await open.catch(errorCode)).toBe('bad-setting');
  }
});

/** A block every two seconds from the epoch on; the servers named here tell another chain. */
const rpcOf = (liars: readonly string[]) =>
  (async (url: URL, { body }: RequestInit) => {
    const { method, params } = JSON.parse(String(body)) as { method: string; params: readonly string[] };
    if (method === 'eth_chainId') return Response.json({ result: '0x2105' });
    const number = params[0] === 'latest' ? 500 : Number(params[0]);
    const hash = `0x${(liars.includes(url.host) ? 'f' : '') + number.toString(16)}`;
    const block = { number: `0x${number.toString(16)}`, timestamp: `0x${(2 * number).toString(16)}` };
    return Response.json({ result: { ...block, hash: `0x${hash.slice(2).padStart(64, '0')}` } });
  }) as unknown as typeof globalThis.fetch;
const blocksValue = async (given: Readonly<Record<string, string>>, liars: readonly string[] = []) => {
  const env = readEnv('relay', { BEACON: 'blocks', ...given });
  const beacon = await openBeacon({ env, fetch: rpcOf(liars), clock: manualClock(1_000_000) });
  return { id: beacon.id, type: (await beacon.value(10)).type };
};
const three = 'https://a.example/k,https://b.example,https://c.example';

test('blocks are told by several servers, or by that of the chain where none are named', async () => {
  const { id } = await blocksValue({ BEACON_RPC_URLS: three });
  expect(await blocksValue({ BEACON_RPC_URLS: three }, ['b.example'])).toEqual({ id, type: 'value' });
  expect(await blocksValue({ CHAIN_RPC_URL: 'https://a.example' })).toEqual({ id, type: 'value' });
  expect((await blocksValue({ BEACON_RPC_URLS: 'https://a.example,https://b.example' }, ['b.example'])).type).toBe(
    'missing',
  );
  expect((await blocksValue({ BEACON_RPC_URLS: three, BEACON_CHAIN: '1' })).type).toBe('missing');
  expect((await blocksValue({ BEACON_RPC_URLS: three, BEACON_CONFIRMATIONS: '400' })).type).toBe('not-yet');
});

test('one server that is named three times is one, and blocks without a server are a wrong setting', async () => {
  const twice = 'https://a.example,https://a.example,https://b.example';
  expect((await blocksValue({ BEACON_RPC_URLS: twice }, ['b.example'])).type).toBe('missing');
  expect(await blocksValue({}).catch(errorCode)).toBe('bad-setting');
});
