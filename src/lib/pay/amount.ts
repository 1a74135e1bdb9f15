import { z } from 'zod';
import { payError } from './errors.ts';

/** The largest amount a channel can hold (104 bits) and a voucher or bond can state (128 bits), in units. */
export const channelUnitsMax = 2n ** 104n - 1n;
export const voucherUnitsMax = 2n ** 128n - 1n;

const digitsMax = 60;

/** Units as transmitted and stored: decimal text without leading zeros, at most 128 bits. */
export const amountSchema = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,38})$/, 'an amount is decimal text in the smallest unit')
  .transform(BigInt)
  .refine((units) => units <= voucherUnitsMax, 'an amount has at most 128 bits');

/**
 * Parses an amount as entered, exactly: `1.25` at 6 decimals is 1,250,000 units.
 * @throws `bad-amount` for anything but digits with an optional point and at most the token's decimals.
 */
export function parseAmount(text: string, decimals: number): bigint {
  const match = text.length > digitsMax ? null : /^(\d+)(?:\.(\d+))?$/.exec(text.trim());
  const fraction = match?.[2] ?? '';
  if (!match || fraction.length > decimals) throw payError('bad-amount', { details: { text, decimals } });
  return BigInt(match[1]! + fraction.padEnd(decimals, '0'));
}

/**
 * Formats units for display, exactly, with at least `fractionDigitsMin` decimals: 1,250,000 at 6 decimals is `1.25`.
 */
export function formatAmount(units: bigint, decimals: number, fractionDigitsMin = 0): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const least = Math.min(fractionDigitsMin, decimals);
  const fraction = digits.slice(digits.length - decimals);
  let length = fraction.length;
  while (length > least && fraction[length - 1] === '0') length--;
  return length === 0 ? sign + whole : `${sign}${whole}.${fraction.slice(0, length)}`;
}

/** Checks an amount for use in a transaction. @throws `amount-zero`, `amount-too-large`. */
export function checkAmount(units: bigint, maximum: bigint = channelUnitsMax): void {
  if (units <= 0n) throw payError('amount-zero', { details: { given: units } });
  if (units > maximum) throw payError('amount-too-large', { details: { maximum, given: units } });
}
