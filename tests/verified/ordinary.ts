import { readdirSync, readFileSync } from 'node:fs';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { questions } from './questions.ts';

const corpus = new URL('../../scripts/demo-model/corpus/', import.meta.url);

/**
 * Ordinary questions: those that people worded, and beside them what the templates of the bundled model's corpus give, which
 * were written apart from the canaries.
 */
export function ordinaryQuestions(count: number): readonly string[] {
  const random = seededRandom(17);
  const any = <T>(of: readonly T[]): T => of[Math.floor(random.float() * of.length)]!;
  const read = (name: string) => readFileSync(new URL(name, corpus), 'utf8').split('\n');
  const slots = new Map(
    read('slots.txt').flatMap((line) => {
      const [, name, words] = /^(\w+): (.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, words!.split(' | ')] as const];
    }),
  );
  const files = readdirSync(corpus).filter((name) => name.endsWith('.txt') && name !== 'slots.txt');
  const templates = files.flatMap(read).flatMap((line) => (line.startsWith('? ') ? [line.slice(2)] : []));
  const found = new Set(questions());
  while (found.size < count) {
    const filled = fill(any(templates), slots, random);
    if (filled !== '' && !/[{}()|]/.test(filled)) found.add(filled);
  }
  return [...found].slice(0, count);
}

/** `{slot}` is one of its words, `(a|b|)` one of these or nothing. */
function fill(template: string, slots: ReadonlyMap<string, readonly string[]>, random: Random): string {
  const any = <T>(of: readonly T[]): T => of[Math.floor(random.float() * of.length)]!;
  const slotted = template.replace(/\{(\w+)\}/g, (slot, name: string) =>
    slots.has(name) ? any(slots.get(name)!) : slot,
  );
  return slotted
    .replace(/\(([^()]*)\)/g, (_choice, of: string) => any(of.split('|')))
    .replace(/\s+/g, ' ')
    .trim();
}
