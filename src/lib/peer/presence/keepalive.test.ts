import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createKeepalive } from './discovery-server.ts';

function setup() {
  const clock = manualClock();
  const lifetime = new AbortController();
  const events: string[] = [];
  const note = (what: string) => events.push(`${what} ${clock.elapsed()}`);
  const keepalive = createKeepalive({
    clock,
    signal: lifetime.signal,
    intervalMs: 1_000,
    stallMs: 10_000,
    onQuiet: () => {
      note('quiet');
      void keepalive.send(async () => undefined);
    },
    onStall: () => note('stall'),
  });
  return { clock, lifetime, events, keepalive };
}

test('an alive is due at each interval of silence, counted from the last message', async () => {
  const { clock, events, keepalive, lifetime } = setup();
  await clock.advance(400);
  await keepalive.send(async () => undefined);
  expect(keepalive.isQuiet).toBe(false);
  await clock.advance(2_500);
  expect(events).toEqual(['quiet 1400', 'quiet 2400']);
  lifetime.abort();
  await clock.advance(10_000);
  expect(events).toHaveLength(2);
});

test('a message that was under way at the wrong moment does not put off the next alive', async () => {
  const { clock, events, keepalive } = setup();
  await clock.advance(900);
  const slow = keepalive.send(() => clock.delay(200));
  await clock.advance(200);
  await slow;
  await clock.advance(1_400);
  expect(events).toHaveLength(1);
});

test('a message that is not taken is reported as a stall, once', async () => {
  const { clock, events, keepalive } = setup();
  await clock.advance(500);
  keepalive.send(() => new Promise(() => undefined)).catch(() => undefined);
  await clock.advance(9_000);
  expect(events).toEqual([]);
  await clock.advance(20_000);
  expect(events).toEqual(['stall 10000']);
});
