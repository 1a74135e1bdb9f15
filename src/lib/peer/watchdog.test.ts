import { expect, test } from 'vitest';
import { manualClock, type Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createWatchdog } from './watchdog.ts';

const reason = new TabloomError('peer-lost', 'silent');

test('it barks once after the silence, and feeding puts that off', async () => {
  const clock = manualClock();
  const heard: string[] = [];
  const watchdog = createWatchdog(clock, ({ code }) => heard.push(code));
  watchdog.expect(1_000, reason);
  for (let i = 0; i < 5; i++) {
    await clock.advance(900);
    watchdog.feed();
  }
  expect(heard).toEqual([]);
  await clock.advance(999);
  expect(heard).toEqual([]);
  await clock.advance(1);
  await clock.advance(10_000);
  expect(heard).toEqual(['peer-lost']);
});

test('a new expectation replaces the one before, and stopping ends all', async () => {
  const clock = manualClock();
  const heard: string[] = [];
  const watchdog = createWatchdog(clock, ({ code }) => heard.push(code));
  watchdog.expect(1_000, reason);
  watchdog.expect(5_000, new TabloomError('deadline', 'late'));
  await clock.advance(4_999);
  expect(heard).toEqual([]);
  await clock.advance(1);
  expect(heard).toEqual(['deadline']);
  watchdog.expect(1_000, reason);
  watchdog.stop();
  await clock.advance(5_000);
  expect(heard).toEqual(['deadline']);
});

test('a timer held up by a sleeping device gives one more period', async () => {
  const inner = manualClock();
  let asleepMs = 0;
  // The device sleeps through the first timer: it fires when it should, but the clock has gone on.
  const clock: Clock = { ...inner, elapsed: () => inner.elapsed() + asleepMs };
  const heard: string[] = [];
  const watchdog = createWatchdog(clock, ({ code }) => heard.push(code));
  watchdog.expect(1_000, reason);
  asleepMs = 60_000;
  await inner.advance(1_000);
  expect(heard).toEqual([]);
  await inner.advance(1_000);
  expect(heard).toEqual(['peer-lost']);
});
