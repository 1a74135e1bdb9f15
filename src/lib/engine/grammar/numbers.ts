import { all, any, charClass, rule, text, type Expression } from './grammar.ts';

/** Bounds of a number; `above` and `below` are exclusive. */
export interface Bounds {
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly above?: number | undefined;
  readonly below?: number | undefined;
}

/** The largest integer generated: 15 digits are exact in a double. */
const integerMax = 999_999_999_999_999;

/** Integers within bounds; undefined if there are none. */
export function integers(bounds: Bounds): Expression | undefined {
  const [from, to] = integerBounds(bounds);
  if (from > to) return undefined;
  if (from === -integerMax && to === integerMax) return rule('integer');
  const choices: Expression[] = [];
  if (to >= 0) choices.push(naturals(Math.max(0, from), to));
  if (from < 0) choices.push(all(text('-'), naturals(Math.max(1, -to), -from)));
  return any(...choices);
}

/**
 * Numbers within bounds: the integers in range and fractions between them. Undefined if the range contains no integer,
 * even though it may contain fractions.
 */
export function numbers(bounds: Bounds): Expression | undefined {
  if (Object.values(bounds).every((bound) => bound === undefined)) return rule('number');
  const [from, to] = integerBounds(bounds);
  const whole = integers(bounds);
  if (!whole) return undefined;
  const between: Expression[] = [];
  const last = charClass('19');
  // Ends in a non-zero digit, so the value is strictly between two integers.
  const part = all(text('.'), { of: charClass('09'), min: 0, max: 8 }, last);
  if (to - 1 >= Math.max(0, from)) between.push(all(naturals(Math.max(0, from), to - 1), part));
  const [near, far] = [Math.max(0, -to), -from - 1];
  if (far >= near) between.push(all(text('-'), naturals(near, far), part));
  return any(whole, ...between);
}

function integerBounds({ minimum, maximum, above, below }: Bounds): readonly [number, number] {
  const froms = [-integerMax, ...(minimum === undefined ? [] : [Math.ceil(minimum)])];
  const tos = [integerMax, ...(maximum === undefined ? [] : [Math.floor(maximum)])];
  if (above !== undefined) froms.push(Math.floor(above) + 1);
  if (below !== undefined) tos.push(Math.ceil(below) - 1);
  return [Math.max(...froms), Math.min(...tos)];
}

/** Non-negative integers from `from` to `to`, without leading zeros. */
function naturals(from: number, to: number): Expression {
  const choices: Expression[] = [];
  for (let length = String(from).length; length <= String(to).length; length++) {
    const least = Math.max(from, length === 1 ? 0 : 10 ** (length - 1));
    choices.push(between(String(least), String(Math.min(to, 10 ** length - 1))));
  }
  return any(...choices);
}

/** Digit strings from `low` to `high`, which have the same length. */
function between(low: string, high: string): Expression {
  const [a, b] = [low[0], high[0]];
  if (a === undefined || b === undefined) return all();
  const [lows, highs] = [low.slice(1), high.slice(1)];
  const [zeros, nines] = ['0'.repeat(lows.length), '9'.repeat(lows.length)];
  const anyRest: Expression = { of: charClass('09'), min: lows.length, max: lows.length };
  if (lows === zeros && highs === nines) return all(charClass(a + b), anyRest);
  if (a === b) return all(text(a), between(lows, highs));
  const choices = [all(text(a), between(lows, nines))];
  if (Number(b) - Number(a) > 1) choices.push(all(charClass(`${Number(a) + 1}${Number(b) - 1}`), anyRest));
  return any(...choices, all(text(b), between(zeros, highs)));
}
