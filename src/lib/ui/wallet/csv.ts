import type { MoneyEvent } from '#lib/state/wallet.ts';

/** Events as a table for a spreadsheet (RFC 4180), newest first; amounts exactly, in units of the token. */
export function toCsv(events: readonly MoneyEvent[], symbol: string): string {
  const rows = events.map(({ at, type, units, model, hash }) => [
    new Date(at).toISOString(),
    type,
    units?.toString() ?? '',
    symbol,
    model ?? '',
    hash ?? '',
  ]);
  return [['time', 'event', 'units', 'token', 'model', 'transaction'], ...rows]
    .map((row) => `${row.map(cell).join(',')}\r\n`)
    .join('');
}

/** A spreadsheet would run what begins like a formula, and a model's name is another's choice. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
