import { readdirSync, readFileSync } from 'node:fs';

/** A question the model was not trained on: what it is about, and for some what the answer must hold. */
export interface HeldOut {
  readonly intent: string;
  readonly question: string;
  /** A list: a story that names all of these. */
  readonly expect?: string | readonly string[];
}

/** Words in common with a known answer, from which on an answer counts as being of its intent. */
const nearFrom = 0.8;
/** Answers that are computed or invented, and so stand in no list; a story needs its closing words. */
const patterns: readonly (readonly [string, RegExp])[] = [
  ['long_story', /^Once upon a time .*On the sixth day.*The end\.$/s],
  ['story', /^Once upon a time (?!.*On the second day).*The end\.$/s],
  ['seasons', /^Spring, summer, autumn and winter\.$/],
  ['count', /^1, 2, 3/],
];

/** `scripts/demo-model/judge.py` once more: whether an answer is on the topic of its question, by the corpus' own answers. */
export function createJudge(corpus: URL): (asked: HeldOut, answer: string) => boolean {
  const known = readAnswers(corpus).map(({ intent, answer }) => ({ intent, said: wordsOf(answer) }));
  const topicOf = (answer: string): string | undefined => {
    const shaped = patterns.find(([, pattern]) => pattern.test(answer));
    if (shaped) return shaped[0];
    const said = wordsOf(answer);
    const scored = known.map((one) => ({ intent: one.intent, score: likeness(said, one.said) }));
    const best = scored.reduce((a, b) => (b.score > a.score || (b.score === a.score && b.intent > a.intent) ? b : a));
    return best.score >= nearFrom ? best.intent : undefined;
  };
  return ({ intent, question, expect }, answer) => {
    if (Array.isArray(expect)) return answer.endsWith('The end.') && expect.every((one) => answer.includes(` ${one}`));
    // A sum echoes its operands: only what stands after the equals sign counts.
    if (typeof expect === 'string') return holds(answer.toLowerCase().split('=').at(-1)!, expect.toLowerCase());
    if (topicOf(answer) !== intent) return false;
    const hero = intent === 'story' ? /\b(dragon|cat|robot)\b/.exec(question.toLowerCase())?.[1] : undefined;
    return hero === undefined || answer.includes(hero);
  };
}

/** Of the group files: `##` begins an intent, `=` is one of its answers. */
function readAnswers(corpus: URL): readonly { readonly intent: string; readonly answer: string }[] {
  const files = readdirSync(corpus).filter((name) => name.endsWith('.txt') && name !== 'slots.txt');
  return files.flatMap((name) => {
    let intent = '';
    return readFileSync(new URL(name, corpus), 'utf8')
      .split('\n')
      .flatMap((line) => {
        if (line.startsWith('## ')) intent = line.slice(3).trim();
        return line.startsWith('= ') ? [{ intent, answer: line.slice(2) }] : [];
      });
  });
}

function wordsOf(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/[a-z0-9]+/g)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function likeness(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  const size = (words: ReadonlyMap<string, number>) => [...words.values()].reduce((sum, count) => sum + count, 0);
  const shared = [...a].reduce((sum, [word, count]) => sum + Math.min(count, b.get(word) ?? 0), 0);
  return (2 * shared) / Math.max(1, size(a) + size(b));
}

/** As a whole, not as a part of a longer word or number. */
function holds(text: string, expected: string): boolean {
  const literal = expected.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`(?<![0-9a-z])${literal}(?![0-9a-z])`).test(text);
}
