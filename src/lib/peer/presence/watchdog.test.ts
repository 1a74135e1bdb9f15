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

test('where every timer is late it barks all the same, after one more period; feeding earns another', async () => {
  const inner = manualClock();
  let lateMs = 0;
  // A hidden tab: no timer fires before it is five seconds overdue.
  const clock: Clock = {
    ...inner,
    elapsed: () => inner.elapsed() + lateMs,
    delay: (ms, options) => inner.delay(ms, options).then(() => void (lateMs += 5_000)),
  };
  const heard: number[] = [];
  const watchdog = createWatchdog(clock, () => heard.push(clock.elapsed()));
  watchdog.expect(1_000, reason);
  await inner.advance(1_000);
  watchdog.feed();
  await inner.advance(1_000);
  expect(heard).toEqual([]);
  await inner.advance(1_000);
  expect(heard).toEqual([18_000]);
});
