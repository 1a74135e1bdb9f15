import { locale } from '#language';

/** Amounts for display and as entered, exactly. Every token that channels pay in is a dollar with six decimals. */

const decimals = 6;

/** `$1.25`, `$0.000128`: two decimals at least, and as many as the amount has. */
export function formatDollars(units: bigint | string): string {
  // `Intl` reads decimals as text exactly.
  return new Intl.NumberFormat(locale(), {
    style: 'currency',
    currency: 'USD',
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: 2,
    maximumFractionDigits: decimals,
  }).format(plainDollars(units) as `${number}`);
}

/** `-1.25`, as programs write it. */
function plainDollars(units: bigint | string): string {
  const value = BigInt(units);
  const digits = String(value < 0n ? -value : value).padStart(decimals + 1, '0');
  const fraction = digits.slice(-decimals).replace(/0+$/, '').padEnd(2, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -decimals)}.${fraction}`;
}

/** Units of an amount as entered, such as `0.01`; undefined if it is none, or finer than a unit. */
export function parseDollars(text: string): string | undefined {
  const point = (1.5).toLocaleString(locale())[1] === ',' ? text.replace(',', '.') : text;
  const match = /^\s*\$?\s*(\d{1,9})(?:\.(\d{1,6}))?\s*$/.exec(point);
  return match ? BigInt(match[1]! + (match[2] ?? '').padEnd(decimals, '0')).toString() : undefined;
}

/** For a field: `0.01`, without the sign. */
export const editableDollars = (units: string): string => plainDollars(units);
