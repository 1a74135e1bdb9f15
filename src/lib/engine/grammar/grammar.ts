/**
 * A context-free grammar over characters, as data: what an answer must be. llama.cpp reads it as GBNF
 * (`to-gbnf.ts`), the double invents from it, and `remainder.ts` says what is left of it after a beginning.
 */
export interface Grammar {
  readonly root: Expression;
  /** Rules by name; they may use each other, and themselves behind at least one character. */
  readonly rules: ReadonlyMap<string, Expression>;
}

export type Expression =
  /** Exactly this text. */
  | { readonly text: string }
  /** One character, by ranges of code points, both ends included. */
  | { readonly chars: readonly CharRange[] }
  | { readonly rule: string }
  /** One after the other; nothing for an empty list. */
  | { readonly all: readonly Expression[] }
  | { readonly any: readonly Expression[] }
  /** So many times; without an end where `max` is left out. Never of something that may be empty. */
  | { readonly of: Expression; readonly min: number; readonly max?: number | undefined };

export type CharRange = readonly [from: number, to: number];

export const text = (exact: string): Expression => ({ text: exact });
export const rule = (name: string): Expression => ({ rule: name });
export const all = (...parts: readonly Expression[]): Expression => (parts.length === 1 ? parts[0]! : { all: parts });
export const any = (...choices: readonly Expression[]): Expression =>
  choices.length === 1 ? choices[0]! : { any: choices };
export const optional = (of: Expression): Expression => ({ of, min: 0, max: 1 });

/** Times above which llama.cpp refuses a repetition; it counts what is repeated too. */
const repeatMax = 1_000;

/** `min` to `max` times, in portions that llama.cpp takes. `of` is a rule or one character. */
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

/** One character of a class written as pairs: `charClass('az', 'AZ', '__')`. */
export const charClass = (...pairs: readonly string[]): Expression => ({
  chars: pairs.map((pair) => {
    const [from, to] = [...pair];
    return [from!.codePointAt(0)!, to!.codePointAt(0)!];
  }),
});
