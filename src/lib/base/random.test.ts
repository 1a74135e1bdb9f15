import { expect, test } from 'vitest';
import { randomId } from './ids.ts';
import { seededRandom, systemRandom } from './random.ts';

test('one seed gives one sequence, another seed another', () => {
  const draw = (seed: number) => Array.from({ length: 5 }, seededRandom(seed).float);
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

test('floats lie in [0, 1) and fill it evenly', () => {
  for (const random of [seededRandom(3), systemRandom]) {
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i++) buckets[Math.floor(random.float() * 10)]! += 1;
    expect(buckets).toHaveLength(10);
    for (const count of buckets) expect(count).toBeGreaterThan(700);
  }
});

test('an id is 32 hexadecimal digits, another one each time', () => {
  const ids = Array.from({ length: 100 }, () => randomId(systemRandom));
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(ids).size).toBe(100);
  expect(randomId(seededRandom(1))).toBe(randomId(seededRandom(1)));
});

test('what was drawn is never drawn again, whatever its length', () => {
  const texts = Array.from({ length: 2_000 }, (_, index) => systemRandom.bytes(8 + (index % 40)).join());
  expect(new Set(texts).size).toBe(texts.length);
  expect(systemRandom.bytes(0)).toHaveLength(0);
});
