import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import { createPulse } from './pulse.ts';

function listen() {
  const clock = manualClock();
  const life = new AbortController();
  const heard: string[] = [];
  const say = (what: string) => heard.push(`${what} ${clock.elapsed()}`);
  const pulse = createPulse({
    clock,
    signal: life.signal,
    intervalMs: 1_000,
    stallMs: 10_000,
    onQuiet: () => {
      say('quiet');
      void pulse.send(async () => undefined);
    },
    onStall: () => say('stall'),
  });
  return { clock, life, heard, pulse };
}

test('it speaks up at each interval of silence, counted from the last word', async () => {
  const { clock, heard, pulse, life } = listen();
  await clock.advance(400);
  await pulse.send(async () => undefined);
  expect(pulse.isQuiet).toBe(false);
  await clock.advance(2_500);
  expect(heard).toEqual(['quiet 1400', 'quiet 2400']);
  life.abort();
  await clock.advance(10_000);
  expect(heard).toHaveLength(2);
});

test('a message that was under way at the wrong moment does not put off the next word', async () => {
  const { clock, heard, pulse } = listen();
  await clock.advance(900);
  const slow = pulse.send(() => clock.delay(200));
  await clock.advance(200);
  await slow;
  await clock.advance(1_400);
  expect(heard).toHaveLength(1);
});

test('a message that does not go out is a stall, once', async () => {
  const { clock, heard, pulse } = listen();
  await clock.advance(500);
  pulse.send(() => new Promise(() => undefined)).catch(() => undefined);
  await clock.advance(9_000);
  expect(heard).toEqual([]);
  await clock.advance(20_000);
  expect(heard).toEqual(['stall 10000']);
});
