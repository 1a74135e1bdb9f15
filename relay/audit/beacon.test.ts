import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { toHex } from '#lib/base/bytes.ts';
import { errorCode } from '#lib/base/errors.ts';
import { ownChain } from '#lib/trust/beacon.fixture.ts';
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
const urls = ['https://one.example', 'https://two.example'].map((url) => new URL(url));

/** By host: what each server answers, or how it fails. */
async function valueWith(answers: Readonly<Record<string, () => Response>>) {
  const asked: string[] = [];
  const fetch = (async (url: URL) => {
    asked.push(url.href);
    return answers[url.host]!();
  }) as unknown as typeof globalThis.fetch;
  const clock = manualClock(1_000_000 + round * 3_000);
  const beacon = await openBeacon({ env: { BEACON_URLS: urls, BEACON_FILE: file }, fetch, clock });
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
    const open = openBeacon({ env: { BEACON_URLS: urls, BEACON_FILE: path }, fetch, clock: manualClock() });
    expect(await open.catch(errorCode)).toBe('bad-setting');
  }
});
