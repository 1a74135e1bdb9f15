import type { Surface } from './canary-text.ts';

/** What real jobs ask for, as far as it says nothing about anybody. A canary that differed in it would be told by it. */
export interface CanaryShape {
  readonly kind: 'chat' | 'completion';
  readonly surface: Surface;
  readonly maxTokens: number;
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly topK?: number | undefined;
  readonly minP?: number | undefined;
}

/** Of pairs of neighbouring words: below it two answers have no more in common than their language. */
const sharedPairsMin = 0.5;
const sharedStartMin = 0.6;

/**
 * Whether two answers to one question may come from one model. Honest devices differ in a near tie here and there, after
 * which everything reads on otherwise: a long common beginning is enough, or half of the pairs of words in common.
 */
export function agree(one: string, other: string): boolean {
  const [a, b] = [wordsOf(one), wordsOf(other)];
  const shorter = Math.min(a.length, b.length);
  if (shorter === 0) return a.length === b.length;
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  if (start >= shorter * sharedStartMin) return true;
  const [left, right] = [pairsOf(a), pairsOf(b)];
  if (left.size + right.size === 0) return false;
  const shared = [...left].filter((pair) => right.has(pair)).length;
  return (2 * shared) / (left.size + right.size) >= sharedPairsMin;
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
const pairsOf = (words: readonly string[]): ReadonlySet<string> =>
  new Set(words.slice(1).map((word, i) => `${words[i]} ${word}`));
