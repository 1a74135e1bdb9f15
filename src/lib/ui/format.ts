import { m } from '#messages';
import { locale } from '#language';

/** Numbers formatted for display, in the chosen language. Those that change on screen are set in tabular figures. */

export const formatCount = (count: number): string => Math.round(count).toLocaleString(locale());

/** Formats tokens per second. */
export const formatRate = (tps: number | undefined): string =>
  tps === undefined || !Number.isFinite(tps) ? '–' : tps >= 100 ? formatCount(tps) : formatDecimal(tps, 1);

export function formatDuration(ms: number): string {
  if (ms < 1_000) return m.duration_ms({ count: Math.round(ms) });
  const seconds = ms / 1_000;
  if (seconds < 60) return m.duration_s({ count: seconds < 10 ? trim(seconds) : Math.round(seconds) });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return m.duration_min({ minutes, seconds: twoDigits(seconds % 60) });
  return m.duration_h({ hours: Math.floor(minutes / 60), minutes: twoDigits(minutes % 60) });
}

const twoDigits = (value: number): string => String(Math.floor(value)).padStart(2, '0');

/** At most three significant digits, without trailing zeros. */
export const trim = (value: number): string => formatDecimal(Number(value.toPrecision(3)), 0, 20);

/** With this many decimals, and no marks between thousands. */
export const formatDecimal = (value: number, min: number, max = min): string =>
  value.toLocaleString(locale(), { minimumFractionDigits: min, maximumFractionDigits: max, useGrouping: false });

/** Between facts in a row. Where that is written from right to left, a number would else be drawn to the Latin name before it. */
const separator = () => (locale().startsWith('ar') ? ' ·\u200f ' : ' · ');

export const joinFacts = (facts: readonly string[]): string => facts.join(separator());
