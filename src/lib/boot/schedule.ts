import type { Schedule } from '#lib/state/settings.ts';

/** Whether this moment, by the device's own clock, lies within the hours. Hours that pass midnight belong to the day they begin on. */
export function isScheduled(schedule: Schedule | null, at: Date): boolean {
  if (!schedule) return true;
  const { fromMinute, untilMinute, days } = schedule;
  const minute = at.getHours() * 60 + at.getMinutes();
  const today = at.getDay();
  const yesterday = (today + 6) % 7;
  if (fromMinute === untilMinute) return days.includes(today);
  if (fromMinute < untilMinute) return days.includes(today) && minute >= fromMinute && minute < untilMinute;
  return (days.includes(today) && minute >= fromMinute) || (days.includes(yesterday) && minute < untilMinute);
}
