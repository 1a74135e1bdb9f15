import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { askRelay, directTimeoutMs } from './ask-relay.ts';

const clock = manualClock();
const date = 'Mon, 30 Nov 2026 12:00:00 GMT';
const ask = (fetch: typeof globalThis.fetch) => askRelay({ clock, fetch, origin: 'http://own.test' });

test('what it says is here whole, with its clock', async () => {
  const answer = await ask(async () => Response.json({ peer: 'P' }, { headers: { date } }));
  expect(answer).toEqual({ info: { peer: 'P' }, dateAt: Date.parse(date), receivedAt: clock.now(), roundTripMs: 0 });
});

test.each([
  ['an error', () => Response.json({}, { status: 503, headers: { date } })],
  ['no JSON', () => new Response('<html>', { headers: { date } })],
  ['too much', () => new Response(`"${'x'.repeat(70_000)}"`, { headers: { date } })],
])('%s tells its clock only', async (_, respond) => {
  expect(await ask(async () => respond())).toMatchObject({ info: undefined, dateAt: Date.parse(date) });
});

test('nothing where it cannot be reached', async () => {
  expect(await ask(() => Promise.reject(new TypeError('no route')))).toBeUndefined();
});

test('where a round trip takes seconds, a question does not wait for a direct connection that comes too late', () => {
  expect([undefined, 20, 1_499, 1_500, 2_000].map(directTimeoutMs)).toEqual([
    undefined,
    undefined,
    undefined,
    250,
    250,
  ]);
});
