import type { Random } from '#lib/base/random.ts';

/**
 * `count` of those that are accepted, in random order, each set equally likely: Fisher–Yates, stopped early, with the swaps
 * beside the list instead of in a copy of it. Costs what it draws, not what there is.
 */
export function drawSample<T>(
  from: readonly T[],
  count: number,
  random: Random,
  accepts: (one: T) => boolean = () => true,
): readonly T[] {
  const sample: T[] = [];
  const swapped = new Map<number, T>();
  for (let i = 0; i < from.length && sample.length < count; i++) {
    const j = i + Math.floor(random.float() * (from.length - i));
    const drawn = swapped.get(j) ?? from[j]!;
    swapped.set(j, swapped.get(i) ?? from[i]!);
    swapped.delete(i);
    if (accepts(drawn)) sample.push(drawn);
  }
  return sample;
}
