import type { Random } from '#lib/base/random.ts';
import type { CharRange, Expression, Grammar } from './grammar.ts';

/** Rule nesting beyond which the shortest alternative is taken. */
const depthMax = 10;
/** Repetitions beyond the minimum. */
const timesMore = 5;

/** Samples a text of the grammar using `random`. Terminates for every grammar that has any finite text. */
export function sample({ root, rules }: Grammar, random: Random): string {
  const heights = heightsOf(rules);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.float() * from.length)]!;

  const write = (expression: Expression, depth: number): string => {
    if ('text' in expression) return expression.text;
    if ('chars' in expression) return String.fromCodePoint(pickPoint(expression.chars));
    if ('rule' in expression) return write(rules.get(expression.rule)!, depth + 1);
    if ('all' in expression) return expression.all.map((part) => write(part, depth)).join('');
    if ('any' in expression) return write(depth > depthMax ? lowest(expression.any) : pick(expression.any), depth);
    const { of, min, max = Infinity } = expression;
    const times = depth > depthMax ? min : min + Math.floor(random.float() * (Math.min(max - min, timesMore) + 1));
    return Array.from({ length: times }, () => write(of, depth)).join('');
  };
  const lowest = (choices: readonly Expression[]): Expression =>
    choices.reduce((best, one) => (heightOf(one, heights) < heightOf(best, heights) ? one : best));
  const pickPoint = (ranges: readonly CharRange[]): number => {
    const letters = ranges.some(([from, to]) => from <= 0x61 && to >= 0x7a);
    if (letters && random.float() < 0.9) return 0x61 + Math.floor(random.float() * 26);
    const [from, to] = pick(ranges);
    return from + Math.floor(random.float() * (to - from + 1));
  };
  return write(root, 0);
}

/** For each rule, the rule nesting its shallowest text needs. */
function heightsOf(rules: Grammar['rules']): ReadonlyMap<string, number> {
  const heights = new Map<string, number>();
  for (let changed = true; changed;) {
    changed = false;
    for (const [name, expression] of rules) {
      const height = heightOf(expression, heights) + 1;
      if (height < (heights.get(name) ?? Infinity)) {
        heights.set(name, height);
        changed = true;
      }
    }
  }
  return heights;
}

function heightOf(expression: Expression, heights: ReadonlyMap<string, number>): number {
  if ('rule' in expression) return heights.get(expression.rule) ?? Infinity;
  if ('all' in expression) return Math.max(0, ...expression.all.map((part) => heightOf(part, heights)));
  if ('any' in expression) return Math.min(...expression.any.map((part) => heightOf(part, heights)));
  return 'of' in expression && expression.min > 0 ? heightOf(expression.of, heights) : 0;
}
