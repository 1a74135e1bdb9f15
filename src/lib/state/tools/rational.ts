import { TabloomError } from '#lib/base/errors.ts';

/** A fraction in lowest terms; the denominator is positive. */
export interface Rational {
  readonly over: bigint;
  readonly under: bigint;
}

/** Digits of a numerator or denominator at most, so that no expression keeps a page busy. */
const digitsMax = 4_000;
const limit = 10n ** BigInt(digitsMax);
/** Digits after the point where a decimal does not end. */
const decimals = 20;

/** @throws `calculation-too-large`, `division-by-zero`. */
export function rational(over: bigint, under = 1n): Rational {
  if (under === 0n) throw new TabloomError('division-by-zero', 'Division by zero has no result.');
  const sign = under < 0n ? -1n : 1n;
  const common = gcd(over < 0n ? -over : over, under * sign) || 1n;
  const fraction = { over: (over * sign) / common, under: (under * sign) / common };
  if (fraction.over >= limit || fraction.over <= -limit || fraction.under >= limit) throw tooLarge();
  return fraction;
}

/** Euclid's algorithm. */
function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

export const add = (a: Rational, b: Rational): Rational =>
  rational(a.over * b.under + b.over * a.under, a.under * b.under);
export const subtract = (a: Rational, b: Rational): Rational => add(a, rational(-b.over, b.under));
export const multiply = (a: Rational, b: Rational): Rational => rational(a.over * b.over, a.under * b.under);
export const divide = (a: Rational, b: Rational): Rational => rational(a.over * b.under, a.under * b.over);

/** The remainder, with the sign of the divisor. */
export const modulo = (a: Rational, b: Rational): Rational => subtract(a, multiply(floor(divide(a, b)), b));

export function floor({ over, under }: Rational): Rational {
  const whole = over / under;
  return rational(over < 0n && whole * under !== over ? whole - 1n : whole);
}

/** @throws `calculation-inexact` for an exponent that is no whole number, `calculation-too-large`. */
export function power(base: Rational, exponent: Rational): Rational {
  if (exponent.under !== 1n)
    throw new TabloomError('calculation-inexact', 'Only whole exponents are exact. Use sqrt(x) for a square root.');
  const size = exponent.over < 0n ? -exponent.over : exponent.over;
  const digits = Math.max(String(base.over).length, String(base.under).length);
  if (size > BigInt(digitsMax) * 4n || (digits > 1 && BigInt(digits - 1) * size > digitsMax)) {
    if (base.under !== 1n || base.over > 1n || base.over < -1n) throw tooLarge();
    return base.over === -1n && size % 2n === 1n ? base : rational(base.over * base.over);
  }
  return exponent.over < 0n
    ? rational(base.under ** size, base.over ** size)
    : rational(base.over ** size, base.under ** size);
}

/** The root, and whether it is exact; otherwise to twenty digits after the point. */
export function squareRoot({ over, under }: Rational): { readonly root: Rational; readonly exact: boolean } {
  if (over < 0n) throw new TabloomError('calculation-inexact', 'A negative number has no real square root.');
  const [top, bottom] = [integerRoot(over), integerRoot(under)];
  if (top * top === over && bottom * bottom === under) return { root: rational(top, bottom), exact: true };
  const scale = 10n ** BigInt(decimals);
  return { root: rational(integerRoot((over * scale * scale) / under), scale), exact: false };
}

/** Newton's method, downwards from above the root. */
function integerRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (root + value / root) / 2n;
    if (next >= root) return root;
    root = next;
  }
}

/** As a decimal where it ends, otherwise as a fraction with the decimal to twenty digits. */
export function formatRational({ over, under }: Rational): string {
  if (under === 1n) return String(over);
  let [rest, twos, fives] = [under, 0, 0];
  for (; rest % 2n === 0n; rest /= 2n) twos++;
  for (; rest % 5n === 0n; rest /= 5n) fives++;
  const places = Math.max(twos, fives);
  if (rest === 1n && places <= 60) return toDecimal(over, under, places);
  return `${over}/${under} ≈ ${toDecimal(over, under, decimals)}`;
}

function toDecimal(over: bigint, under: bigint, places: number): string {
  const size = over < 0n ? -over : over;
  const scaled = (size * 10n ** BigInt(places) * 2n + under) / (under * 2n);
  const digits = String(scaled).padStart(places + 1, '0');
  return `${over < 0n ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

const tooLarge = () =>
  new TabloomError('calculation-too-large', `The result has more than ${digitsMax} digits. Ask for something smaller.`);
