import { utf8Encode } from '#lib/base/bytes.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { Grammar } from './grammar/grammar.ts';
import { sample } from './grammar/sample.ts';

export interface ScriptedToken {
  readonly id: number;
  readonly text: string;
}

const words = (
  'the thread runs from one tab to another and back while a small loom keeps its place in the cloth ' +
  'each answer is woven by whoever is free and carries the colour of the hand that wrote it so that a reader ' +
  'can follow it from the first word to the last'
).split(' ');

/** The double's own prompt format. */
export const scriptedPrompt = (messages: readonly { readonly role: string; readonly text: string }[]): string =>
  messages.map((message) => `${message.role}: ${message.text}`).join('\n');

/** The tokens of an answer: a given text, or text derived from prompt and seed, following a grammar if there is one. */
export function scriptedTokens(
  prompt: string,
  seed: number,
  options: {
    readonly answerTokens?: number | undefined;
    readonly text?: ((prompt: string, seed: number) => string) | undefined;
    readonly grammar?: Grammar | undefined;
  },
): readonly ScriptedToken[] {
  const random = seededRandom(hash(prompt) ^ Math.imul(seed + 1, 0x9e3779b1));
  if (options.grammar) return cut(sample(options.grammar, random), /.{1,4}/gsu);
  if (options.text) return cut(options.text(prompt, seed), /\s*\S+\s*$|\s*\S+/g);
  const length = options.answerTokens ?? 24 + Math.floor(random.float() * 40);
  return Array.from({ length }, (_, position) => {
    const id = Math.floor(random.float() * words.length);
    const last = position === length - 1;
    return { id, text: (position === 0 ? '' : ' ') + words[id] + (last ? '.' : '') };
  });
}

/** Numbers in [-1, 1) that depend only on the text. */
export function scriptedVector(text: string, dimensions: number): readonly number[] {
  const random = seededRandom(hash(text));
  return Array.from({ length: dimensions }, () => random.float() * 2 - 1);
}

/** An alternative word, for log-probabilities. */
export const otherWord = (id: number, step: number): string => ` ${words[(id + step) % words.length]!}`;

function cut(text: string, piece: RegExp): readonly ScriptedToken[] {
  return (text.match(piece) ?? []).map((one) => ({ id: hash(one) % 65_536, text: one }));
}

/** FNV-1a, 32 bits (public domain, by Fowler, Noll and Vo). */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of utf8Encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
