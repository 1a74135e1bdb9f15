import { expect, test } from 'vitest';
import { isScheduled } from './schedule.ts';

/** 2026-11-30 is a Monday. */
const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute);
const [monday, tuesday, sunday] = [30, 31, 29];
const everyDay = [0, 1, 2, 3, 4, 5, 6];

test('without a schedule every moment is good', () => expect(isScheduled(null, at(monday, 3))).toBe(true));

test('hours begin with their first minute and end before their last', () => {
  const office = { fromMinute: 9 * 60, untilMinute: 17 * 60 + 30, days: everyDay };
  expect(isScheduled(office, at(monday, 8, 59))).toBe(false);
  expect(isScheduled(office, at(monday, 9))).toBe(true);
  expect(isScheduled(office, at(monday, 17, 29))).toBe(true);
  expect(isScheduled(office, at(monday, 17, 30))).toBe(false);
});

test('hours that pass midnight belong to the day they begin on', () => {
  const mondayNight = { fromMinute: 22 * 60, untilMinute: 6 * 60, days: [1] };
  expect(isScheduled(mondayNight, at(monday, 5))).toBe(false);
  expect(isScheduled(mondayNight, at(monday, 23))).toBe(true);
  expect(isScheduled(mondayNight, at(tuesday, 5, 59))).toBe(true);
  expect(isScheduled(mondayNight, at(tuesday, 6))).toBe(false);
  expect(isScheduled(mondayNight, at(tuesday, 23))).toBe(false);
  const saturdayNight = { ...mondayNight, days: [6] };
  expect(isScheduled(saturdayNight, at(sunday, 1))).toBe(true);
});

test('equal ends mean the whole of the chosen days', () => {
  const weekend = { fromMinute: 0, untilMinute: 0, days: [0, 6] };
  expect(isScheduled(weekend, at(sunday, 12))).toBe(true);
  expect(isScheduled(weekend, at(monday, 12))).toBe(false);
});
