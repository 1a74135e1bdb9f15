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
