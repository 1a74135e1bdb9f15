import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chargeOf, inputUnitsMax, isFree, isPayable, nextInputStep, outputWithin } from './charge.ts';
import type { Job } from './job.ts';
import { jobFixture } from './protocol.fixture.ts';

const price = { in: '100000', out: '400000' };

test('a charge is rounded up once, and zero costs nothing', () => {
  expect(chargeOf(price, { in: 0, out: 0 })).toBe(0n);
  expect(chargeOf(price, { in: 1, out: 0 })).toBe(1n);
  expect(chargeOf(price, { in: 21, out: 2 })).toBe(3n);
  expect(chargeOf({ in: '0', out: '9'.repeat(30) }, { in: 0, out: 1_000_000 })).toBe(BigInt('9'.repeat(30)));
  expect(isFree({ in: '0', out: '0' })).toBe(true);
  expect(isFree({ in: '0', out: '1' })).toBe(false);
});

test('what a budget has room for is exactly what it pays for', () => {
  const units = fc.nat(100_000);
  const prices = fc.record({
    in: fc.nat(10_000_000).map(String),
    out: fc.integer({ min: 1, max: 10_000_000 }).map(String),
  });
  fc.assert(
    fc.property(prices, units, fc.bigInt(0n, 10n ** 9n), (at, unitsIn, budget) => {
      const out = outputWithin(at, unitsIn, budget);
      if (chargeOf(at, { in: unitsIn, out: 0 }) > budget) {
        expect(out).toBe(0);
        return;
      }
      expect(chargeOf(at, { in: unitsIn, out })).toBeLessThanOrEqual(budget);
      expect(chargeOf(at, { in: unitsIn, out: out + 1 })).toBeGreaterThan(budget);
    }),
    { seed: 11 },
  );
  expect(outputWithin({ in: '1', out: '0' }, 5, 1n)).toBe(Number.POSITIVE_INFINITY);
});

test('input is due in steps, and its last one is what is left', () => {
  expect([nextInputStep(5_000, 0), nextInputStep(5_000, 2_048), nextInputStep(5_000, 4_096)]).toEqual([
    2_048, 4_096, 5_000,
  ]);
  expect(nextInputStep(3, 0)).toBe(3);
});

test('the most that input may be billed for follows its bytes, what is resumed, and its files', () => {
  const least = inputUnitsMax(jobFixture);
  const longer = (content: string, more: Partial<Job> = {}) =>
    inputUnitsMax({ ...jobFixture, input: { messages: [{ role: 'user', content }] }, ...more } as Job);
  expect(least).toBeGreaterThan(64);
  expect(longer('x'.repeat(4_000)) - longer('x'.repeat(2_000))).toBe(1_000);
  expect(longer('ü'.repeat(2_000))).toBe(longer('x'.repeat(4_000)));
  expect(longer('x', { resume: { text: 'yes', tokens: 40 } })).toBe(longer('x') + 40);
  expect(longer('x', { resume: { text: 'y'.repeat(100), tokens: 1 } })).toBe(longer('x') + 50);
  const file = { type: 'blob' as const, mime: 'image/png', sha256: 'ab'.repeat(32), sizeBytes: 1 };
  const messages = [{ role: 'user' as const, content: [file, file] }];
  expect(inputUnitsMax({ ...jobFixture, input: { messages } } as Job)).toBeGreaterThan(4_096);
  expect(inputUnitsMax({ ...jobFixture, input: { messages } } as Job)).toBeLessThan(4_096 * 2);
});

test('only what is counted in tokens can be paid for', () => {
  expect(['chat', 'completion', 'embedding'].map((kind) => isPayable(kind))).toEqual([true, true, true]);
  expect(['speech', 'transcription', 'image'].map((kind) => isPayable(kind))).toEqual([false, false, false]);
});
