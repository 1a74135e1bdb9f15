import { readFileSync } from 'node:fs';
import { seededRandom } from '#lib/base/random.ts';

/** Questions that people have worded, and that nobody trained the model on. */
export function questions(): readonly string[] {
  const read = (name: string) =>
    JSON.parse(readFileSync(new URL(`../../scripts/demo-model/${name}.json`, import.meta.url), 'utf8')) as readonly {
      readonly question: string;
    }[];
  return [...read('strangers'), ...read('heldout')].map(({ question }) => question);
}

export function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const random = seededRandom(seed);
  return items
    .map((item) => ({ item, order: random.float() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
