/** `09:05` of minutes since midnight, as time fields want it. */
export const clockText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

/** Minutes since midnight; undefined for anything but `HH:MM`. */
export function toMinute(text: string): number | undefined {
  const match = /^([01]\d|2[0-3]):([0-5]\d)/.exec(text);
  return match ? Number(match[1]) * 60 + Number(match[2]) : undefined;
}

export interface Weekday {
  /** 0 for Sunday. */
  readonly day: number;
  readonly short: string;
  readonly long: string;
}

/** The days of the week in the user's language, from the day on which it begins there. */
export function weekdays(locale?: string): readonly Weekday[] {
  const language = new Intl.Locale(new Intl.DateTimeFormat(locale).resolvedOptions().locale);
  const { firstDay = 1 } = (language as { getWeekInfo?: () => { firstDay: number } }).getWeekInfo?.() ?? {};
  return Array.from({ length: 7 }, (_, index) => {
    const day = (firstDay + index) % 7;
    // A week that begins on a Sunday.
    const date = new Date(Date.UTC(2026, 10, 29 + day));
    const name = (weekday: 'short' | 'long') =>
      new Intl.DateTimeFormat(locale, { weekday, timeZone: 'UTC' }).format(date);
    return { day, short: name('short'), long: name('long') };
  });
}
