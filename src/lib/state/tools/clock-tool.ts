import { TabloomError } from '#lib/base/errors.ts';

/**
 * Date, time and offset in a time zone, as a sentence and as ISO 8601.
 * @param zone an IANA name such as `Europe/Berlin`; without it, that of the device.
 * @throws `time-zone-unknown`.
 */
export function readClock(zone: string | undefined, nowMs: number, ownZone: string): string {
  const timeZone = zone ?? ownZone;
  const parts = partsOf(nowMs, timeZone);
  const { year, month, day, hour, minute, second, timeZoneName = 'GMT' } = parts;
  const offset = timeZoneName === 'GMT' ? '+00:00' : timeZoneName.replace('GMT', '');
  const weekday = new Intl.DateTimeFormat('en', { timeZone, weekday: 'long' }).format(nowMs);
  return `${weekday}, ${year}-${month}-${day}T${hour}:${minute}:${second}${offset} (${timeZone})`;
}

function partsOf(nowMs: number, timeZone: string): Partial<Record<Intl.DateTimeFormatPartTypes, string>> {
  try {
    const format = new Intl.DateTimeFormat('en', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'longOffset',
    });
    return Object.fromEntries(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  } catch (cause) {
    throw new TabloomError(
      'time-zone-unknown',
      `The time zone "${timeZone}" is not known. Use an IANA name such as Europe/Berlin.`,
      { cause },
    );
  }
}
