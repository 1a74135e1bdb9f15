import { expect, test } from 'vitest';
import { ageMs, createChainTime, momentOf } from './chain-time.ts';
import { startSeconds, testChain, testClock } from './pay.fixture.ts';

const minutes = 60_000;

test('is the chain’s, however wrong the clock of this device is, and goes on between readings', async () => {
  const [chain, clock] = [testChain(), testClock()];
  chain.now = startSeconds + 601;
  const time = createChainTime(chain, clock);
  expect(time.now()).toBeNull();
  expect(await time.current()).toBe(startSeconds + 601);
  await clock.advance(4 * minutes + 999);
  expect(time.now()).toBe(startSeconds + 601 + 240);
  expect(await time.current()).toBe(startSeconds + 601 + 240);
});

test('is read again once the reading is out of date, or fails', async () => {
  const [chain, clock] = [testChain(), testClock()];
  const time = createChainTime(chain, clock);
  await time.current();
  await clock.advance(5 * minutes);
  chain.now = startSeconds + 77;
  expect(await time.current()).toBe(startSeconds + 77);
  await clock.advance(5 * minutes);
  chain.answers = false;
  await expect(time.current()).rejects.toMatchObject({ code: 'chain-unavailable' });
  expect(time.now()).toBe(startSeconds + 77 + 300);
});

test('is not taken from a node that answers but has stopped following its chain', async () => {
  const [chain, clock] = [testChain(), testClock()];
  const time = createChainTime({ ...chain, entry: { ...chain.entry, isLocal: false } }, clock);
  await time.current();
  await clock.advance(5 * minutes);
  await time.current();
  await clock.advance(5 * minutes);
  await expect(time.current()).rejects.toMatchObject({ code: 'stale-view' });
  // A local chain makes no blocks while nobody sends anything.
  const local = createChainTime(chain, clock);
  await local.current();
  await clock.advance(60 * minutes);
  await local.current();
});

test('an age counts the sleep of the device, and a clock set back', () => {
  const clock = { ...testClock(), now: () => 1_000, elapsed: () => 500 };
  const then = momentOf(clock);
  expect(ageMs({ ...clock, now: () => 90_000 }, then)).toBe(89_000);
  expect(ageMs({ ...clock, now: () => 0, elapsed: () => 700 }, then)).toBe(200);
});
