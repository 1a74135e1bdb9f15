import { expect, test } from 'vitest';
import { createDailyLimit, createLosses } from './losses.ts';
import { addressOfKey, testClock } from './pay.fixture.ts';

const code = (name: string) => expect.objectContaining({ code: name });

test('an account whose transaction lost money is declined for the day; after so many of them, everybody is', async () => {
  const clock = testClock();
  const losses = createLosses(clock, { perDayMax: 2 });
  const [first, second, third] = [addressOfKey(1), addressOfKey(2), addressOfKey(3)];
  losses.check(first);
  losses.note(first);
  expect(() => losses.check(first)).toThrow(code('relay-declined'));
  losses.check(second);
  expect(losses.isStopped).toBe(false);
  losses.note(second);
  expect(losses.isStopped).toBe(true);
  expect(() => losses.check(third)).toThrow(code('relay-stopped'));
  await clock.advance(24 * 3_600_000);
  expect(losses.isStopped).toBe(false);
  for (const each of [first, second, third]) losses.check(each);
});

test('a limit by count holds for each account and for all, for a day', async () => {
  const clock = testClock();
  const limit = createDailyLimit(clock, { perAccountMax: 1, perDayMax: 2 });
  const [first, second, third] = [addressOfKey(1), addressOfKey(2), addressOfKey(3)];
  limit.check(first);
  limit.note(first);
  expect(() => limit.check(first)).toThrow(code('sponsor-limit'));
  limit.note(second);
  expect(() => limit.check(third)).toThrow(code('sponsor-limit'));
  await clock.advance(24 * 3_600_000);
  for (const each of [first, second, third]) limit.check(each);
});
