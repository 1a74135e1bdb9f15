import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPlainCountersign, isPlainReceipt } from './plain-receipt.ts';
import { countersignFixture, receiptFixture } from './protocol.fixture.ts';
import { countersignSchema, receiptSchema, type Countersign, type Receipt } from './receipt.ts';

const value = fc.oneof(
  fc.constantFrom(undefined, null, '', '0', '01', 'stop', 'Stop', 0, -0, -1, 0.5, 2 ** 53, NaN, Infinity, 1e12),
  fc.constantFrom('0'.repeat(64), '0'.repeat(32), 'a'.repeat(129), receiptFixture.asker),
  fc.string(),
  fc.double(),
  fc.constantFrom({}, { in: '0', out: '0' }, { in: '0', out: '0', x: 1 }, { a: { b: 1 } }, new Uint8Array(2), []),
  fc.constantFrom(
    { queuedMs: 0, ttftMs: 1.5, decodeMs: 1e9 },
    { queuedMs: 0, ttftMs: -1, decodeMs: 1 },
    { name: 'a', build: '', deviceClass: 'b' },
    { name: 'a', build: '', deviceClass: 'b'.repeat(99) },
  ),
);

/** A valid record of which up to three members have been replaced. */
const changed = <T extends object>(record: T): fc.Arbitrary<T> =>
  fc
    .array(fc.tuple(fc.constantFrom(...Object.keys(record), 'x'), value), { maxLength: 3 })
    .map((changes) => ({ ...record, ...Object.fromEntries(changes) }));

test.each([
  [
    'a receipt',
    { ...receiptFixture, payment: undefined },
    receiptSchema,
    (record: object) => isPlainReceipt(record as Receipt),
  ],
  [
    'a countersign',
    countersignFixture,
    countersignSchema,
    (record: object) => isPlainCountersign(record as Countersign),
  ],
] as const)('%s that is taken for plain is one that its schema returns as it is', (_name, fixture, schema, isPlain) => {
  expect(isPlain(fixture)).toBe(true);
  fc.assert(
    fc.property(changed<object>(fixture), (record) => {
      if ('x' in record || !isPlain(record)) return;
      const parsed = schema.safeParse(record);
      expect(parsed.success).toBe(true);
      expect(parsed.data).toEqual(record);
    }),
    { numRuns: 2_000 },
  );
});
