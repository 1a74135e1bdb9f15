/** What a field for a number takes. */
export interface NumberBounds {
  readonly min: number;
  readonly max: number;
  /** 1: whole numbers only. */
  readonly step: number;
}

/**
 * The number in a field, or why there is none; `empty` may mean something of its own to whoever asks.
 * @param text as `<input type="number">` gives it: empty also for what is no number at all, which `badInput` tells apart.
 */
export function readNumber(text: string, badInput: boolean, { min, max, step }: NumberBounds): NumberRead {
  if (badInput) return { kind: 'wrong' };
  if (text.trim() === '') return { kind: 'empty' };
  const value = Number(text);
  const whole = step !== 1 || Number.isInteger(value);
  return Number.isFinite(value) && value >= min && value <= max && whole
    ? { kind: 'number', value }
    : { kind: 'wrong' };
}

export type NumberRead =
  { readonly kind: 'number'; readonly value: number } | { readonly kind: 'empty' } | { readonly kind: 'wrong' };
