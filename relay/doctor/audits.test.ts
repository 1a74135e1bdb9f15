import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { quicknet } from '#lib/trust/drand.ts';
import { checkEnv } from '../settings/read-env.ts';
import { ofAudits } from './audits.ts';
import { found } from './doctor.fixture.ts';

const peers = (count: number) =>
  Array.from({ length: count }, (_, at) => createSigner(new Uint8Array(32).fill(at + 1)).peer).join(',');
const envOf = (variables: Readonly<Record<string, string>>) => checkEnv('relay', variables).env!;
const answering = (answer: () => Response) => (async () => answer()) as unknown as typeof globalThis.fetch;
const clock = manualClock(quicknet.genesis * 1_000 + 3_600_000);

test('without validators nothing is asked', () => {
  expect(ofAudits(envOf({}), fetch, clock)).toEqual([]);
});

test.each([
  [6, 'warn', /names 6:/],
  [7, 'ok', /7 validators/],
])('%i validators', async (count, state, what) => {
  const [check] = ofAudits(envOf({ AUDIT_VALIDATORS: peers(count) }), fetch, clock);
  expect(await found(check!)).toMatchObject({ id: 'validators', state, what: expect.stringMatching(what) });
});

test.each([
  ['that is silent', () => new Response('', { status: 503 }), {}, /No server/],
  ['that forges', () => Response.json({ signature: 'ab'.repeat(48) }), {}, /does not check/],
  ['of no file', () => new Response(''), { BEACON_FILE: '/nowhere/chain.json' }, /cannot be read/],
])('a beacon %s', async (_, answer, variables, what) => {
  const env = envOf({ AUDIT_VALIDATORS: peers(7), ...variables });
  const [, check] = ofAudits(env, answering(answer), clock);
  expect(await found(check!)).toMatchObject({ id: 'beacon', state: 'fail', what: expect.stringMatching(what) });
});

/** A block every two seconds; `apart`: what the second server tells besides. */
const chainOf = (headSeconds: number, apart = '') =>
  (async (url: URL, { body }: RequestInit) => {
    const { method, params } = JSON.parse(String(body)) as { method: string; params: readonly string[] };
    if (method === 'eth_chainId') return Response.json({ result: '0x2105' });
    const number = params[0] === 'latest' ? Math.floor(headSeconds / 2) : Number(params[0]);
    const hash = (url.host === 'two.example' ? apart : '') + number.toString(16);
    const block = { number: `0x${number.toString(16)}`, timestamp: `0x${(2 * number).toString(16)}` };
    return Response.json({ result: { ...block, hash: `0x${hash.padStart(64, '0')}` } });
  }) as unknown as typeof globalThis.fetch;
const now = clock.now() / 1_000;
const servers = { BEACON_RPC_URLS: 'https://one.example,https://two.example' };

test.each([
  ['that agree', chainOf(now), servers, 'ok', /the same block/],
  ['that do not', chainOf(now, 'f'), servers, 'fail', /Less than half/],
  ['that are slow', chainOf(now - 200), servers, 'fail', /too slowly/],
  ['of no server', chainOf(now), {}, 'fail', /no server of their chain/],
  ['of a chain that is named', chainOf(now), { CHAIN: 'https://one.example' }, 'skipped', /blocks of CHAIN/],
] as const)('blocks %s', async (_, rpc, variables, state, what) => {
  const env = envOf({ AUDIT_VALIDATORS: peers(7), BEACON: 'blocks', ...variables });
  const [, check] = ofAudits(env, rpc, clock);
  expect(await found(check!)).toMatchObject({ id: 'beacon', state, what: expect.stringMatching(what) });
});
