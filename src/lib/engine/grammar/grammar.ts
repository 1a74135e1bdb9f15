/**
 * A context-free grammar over characters, as data, that constrains an answer. llama.cpp gets it as GBNF (`to-gbnf.ts`),
 * the scripted double samples from it, and `remainder.ts` computes what may follow a prefix.
 */
export interface Grammar {
  readonly root: Expression;
  /** Rules by name. They may refer to each other, and recursively to themselves after at least one character. */
  readonly rules: ReadonlyMap<string, Expression>;
}

export type Expression =
  /** This exact text. */
  | { readonly text: string }
  /** One character from ranges of code points, both ends inclusive. */
  | { readonly chars: readonly CharRange[] }
  | { readonly rule: string }
  /** A sequence; the empty list matches the empty text. */
  | { readonly all: readonly Expression[] }
  | { readonly any: readonly Expression[] }
  /** A repetition, unbounded without `max`. `of` must not match the empty text. */
  | { readonly of: Expression; readonly min: number; readonly max?: number | undefined };

export type CharRange = readonly [from: number, to: number];

export const text = (exact: string): Expression => ({ text: exact });
export const rule = (name: string): Expression => ({ rule: name });
export const all = (...parts: readonly Expression[]): Expression => (parts.length === 1 ? parts[0]! : { all: parts });
export const any = (...choices: readonly Expression[]): Expression =>
  choices.length === 1 ? choices[0]! : { any: choices };
export const optional = (of: Expression): Expression => ({ of, min: 0, max: 1 });

/** llama.cpp refuses repetitions above this count, nested ones included. */
const repeatMax = 1_000;

/** `min` to `max` repetitions, split into counts that llama.cpp accepts. `of` is a rule or one character. */
export function repeated(of: Expression, min: number, max?: number): Expression {
  if (min > repeatMax) {
    const rest = repeated(of, min - repeatMax, max === undefined ? undefined : max - repeatMax);
    return all({ of, min: repeatMax, max: repeatMax }, rest);
  }
  if (max === undefined || max - min <= repeatMax) return { of, min, max };
  return all({ of, min, max: min }, upTo(of, max - min));
}

const upTo = (of: Expression, max: number): Expression =>
  max <= repeatMax
    ? { of, min: 0, max }
    : any(all({ of, min: repeatMax, max: repeatMax }, upTo(of, max - repeatMax)), { of, min: 0, max: repeatMax - 1 });

/** One character of a class given as pairs of bounds: `charClass('az', 'AZ', '__')`. */
export const charClass = (...pairs: readonly string[]): Expression => ({
  chars: pairs.map((pair) => {
    const [from, to] = [...pair];
    return [from!.codePointAt(0)!, to!.codePointAt(0)!];
  }),
});
