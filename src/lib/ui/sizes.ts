import { locale } from '#language';
import { formatDecimal, trim } from './format.ts';

/** Size formatting. Separate from `format.ts` because no page's initial bundle needs it. */

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Decimal units with at most one decimal: `2.1 MB`. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  const text = `${unit === 0 || value >= 99.5 ? formatDecimal(Math.round(value), 0) : formatDecimal(value, 0, 1)} ${units[unit]}`;
  // Kept in order within text from right to left, which would put the unit first.
  return locale().startsWith('ar') ? `\u2066${text}\u2069` : text;
}

/** `1.24B`, `270M`, `900K`. */
export function formatParameters(count: number): string {
  if (count >= 1e9) return `${trim(count / 1e9)}B`;
  if (count >= 1e6) return `${trim(count / 1e6)}M`;
  return `${trim(count / 1e3)}K`;
}
