import type { Random } from '#lib/base/random.ts';

/**
 * A question that looks like any other and whose answer is compared. Made from templates with random slots, so that no two
 * are alike; nothing of any person's prompt is in it.
 */
export function canaryText(random: Random): string {
  const any = <T>(of: readonly T[]): T => of[Math.floor(random.float() * of.length)]!;
  const number = (from: number, to: number) => from + Math.floor(random.float() * (to - from));
  const some = (count: number) => Array.from({ length: count }, () => any(nouns));
  const template = any<() => string>([
    () => `Repeat this line and nothing else: ${some(number(5, 9)).join(' ')}.`,
    () => `Copy these words in the same order: ${some(number(4, 8)).join(', ')}.`,
    () => `Put these words in alphabetical order: ${some(number(4, 7)).join(', ')}.`,
    () => `What is ${number(11, 89)} plus ${number(11, 89)}?`,
    () => `Which number is larger, ${number(100, 999)} or ${number(100, 999)}?`,
    () => `Count from ${number(2, 40)} up by ones and stop after ${number(6, 12)} numbers.`,
    () => `Translate into French: the ${any(adjectives)} ${any(nouns)} is near the ${any(nouns)}.`,
    () => `Write one sentence about a ${any(adjectives)} ${any(nouns)} and a ${any(nouns)}.`,
    () => `What colour is a ${any(adjectives)} ${any(nouns)}, usually?`,
    () => `Give the plural of each: ${some(number(3, 6)).join(', ')}.`,
  ]);
  return `${any(openers)}${template()}`;
}

const openers = ['', '', '', 'Hi! ', 'Please help: ', 'Quick question. ', 'Hello, '] as const;
const adjectives = 'small old quiet green heavy bright narrow warm broken early plain round'.split(' ');
const nouns = (
  'river table lantern garden bridge window letter basket mountain kettle ladder harbour orchard pencil blanket ' +
  'engine violin saddle compass meadow chimney anchor barrel feather'
).split(' ');

/** What real jobs ask for, as far as it says nothing about anybody. */
export interface CanaryShape {
  readonly kind: 'chat' | 'completion';
  readonly maxTokens: number;
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
}

/** Enough of an answer to compare, and no more than its worker is asked for anyway. */
export const canaryTokensMax = 64;

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
