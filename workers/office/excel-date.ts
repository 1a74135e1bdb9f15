/** Numbers of the built-in formats that show a date or a time (ECMA-376, part 1, 18.8.30). */
const builtIn = (id: number): boolean => (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 58);

/** @param code of a format that the workbook has made itself. */
export function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return builtIn(id);
  // Quoted text, escaped letters, colours and conditions are no part of the pattern; elapsed time in brackets is a number of hours.
  const pattern = code.replace(/"[^"]*"|\\.|_.|\[[^\]]*\]/g, '').split(';')[0]!;
  return /[ymdhs]/i.test(pattern) && !/general/i.test(pattern);
}

const dayMs = 86_400_000;

/**
 * A serial number of days as ISO 8601: a date, a time of day, or both. Undefined where it is none of the calendar. Before March 1900, days
 * are one less, since Excel counts a 29 February there.
 */
export function toIsoDate(serial: number, since1904: boolean): string | undefined {
  if (!Number.isFinite(serial) || serial < 0 || serial > 2_958_466) return undefined;
  const days = since1904 ? serial + 1_462 : serial < 60 ? serial + 1 : serial;
  const at = new Date(Date.UTC(1899, 11, 30) + Math.round((days * dayMs) / 1_000) * 1_000).toISOString();
  const [date, time] = [at.slice(0, 10), at.slice(11, 19)];
  if (serial < 1 && !since1904) return time;
  return time === '00:00:00' ? date : `${date} ${time}`;
}
