import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalBytes } from '#lib/base/bytes.ts';
import { encodeCbor, readRecord } from './cbor.ts';
import { decodeWorkerFrame, encodeWorkerFrame } from './frame.ts';
import { limits } from './limits.ts';
import { partSchema, type Part } from './part.ts';
import { encodePartFrame, readPlainPart, readPlainWarning } from './part-frame.ts';

type TextPart = Extract<Part, { type: 'text-delta' | 'reasoning-delta' }>;

const type = fc.constantFrom('text-delta' as const, 'reasoning-delta' as const);
const id = fc.oneof(
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
);
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom(0, 23, 24, 255, 256, 257, 21_845, 21_846, 65_535, 65_536).map((length) => 'x'.repeat(length)),
);
const part: fc.Arbitrary<TextPart> = fc.record(
  { type, text, tokens: fc.oneof(fc.nat(4_096), fc.constantFrom(23, 24, 255, 256, 4_096)), ids: fc.array(id) },
  { requiredKeys: ['type', 'text', 'tokens'] },
);

test('the hand-written encoder produces the same bytes as the general one', () => {
  fc.assert(
    fc.property(part, (one) => {
      const frame = { t: 'part', part: one } as const;
      const bytes = encodePartFrame(one);
      expect(equalBytes(bytes, encodeCbor(frame))).toBe(true);
      expect(equalBytes(bytes, encodeWorkerFrame(frame))).toBe(true);
      expect(decodeWorkerFrame(bytes)).toEqual(frame);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('token ids at their limits are encoded alike', () => {
  for (const length of [0, 1, 23, 24, 255, 256, limits.tokensPerPartMax]) {
    const one = { type: 'text-delta', text: '🦊', tokens: length, ids: Array(length).fill(2 ** 32 - 1) } as const;
    expect(encodePartFrame(one as unknown as TextPart)).toEqual(encodeCbor({ t: 'part', part: one }));
  }
});

/** A text part, possibly with one thing wrong. */
const strange = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    -1,
    -0,
    0.5,
    4_096,
    4_097,
    2 ** 32,
    Number.NaN,
    '',
    [],
    {},
    new Uint8Array(3),
  ),
  fc.constantFrom([1, 2], [0.5], [-1], [2 ** 32], ['1'], [null], Array(4_096).fill(1), Array(4_097).fill(1)),
  fc.constantFrom(65_536, 65_537).map((length) => 'x'.repeat(length)),
  fc.constantFrom(32_768, 32_769).map((length) => 'ü'.repeat(length)),
  fc.constantFrom(21_845, 21_846).map((length) => '模'.repeat(length)),
  fc.constantFrom(16_384, 16_385).map((length) => '🦊'.repeat(length)),
  fc.constantFrom('\ud83e', '\udd8a', 'a\ud83eb', 'text-delta', 'reasoning-delta', 'warning', 'scent'),
);
const mutated = fc
  .tuple(part, fc.array(fc.tuple(fc.constantFrom('type', 'text', 'tokens', 'ids', 'mood'), strange), { maxLength: 2 }))
  .map(([one, changes]) => ({ ...one, ...Object.fromEntries(changes) }) as Record<string, unknown>);

test('the hand-written reader and the schema agree', () => {
  fc.assert(
    fc.property(mutated, (one) => {
      const judged = partSchema.safeParse(one);
      const plain = readPlainPart({ t: 'part', part: one });
      if (plain) expect(plain).toEqual(judged.data);
      else expect(judged.success && judged.data.type.endsWith('-delta')).toBe(false);
    }),
    { seed: 2, numRuns: 1_500 },
  );
});

test('anything but a plain text part, and any frame with `must`, is left to the schema', () => {
  const plain = { type: 'text-delta', text: 'a', tokens: 1 };
  expect(readPlainPart({ t: 'part', part: plain })).toEqual(plain);
  expect(readPlainPart({ t: 'part', part: { ...plain, mood: 1 }, at: 1 })).toEqual(plain);
  for (const raw of [
    null,
    [],
    'part',
    { t: 'Part', part: plain },
    { t: 'part' },
    { t: 'part', part: [plain] },
    { t: 'part', part: plain, must: [] },
    { t: 'part', part: { type: 'warning', code: 'a', message: '' } },
  ]) {
    expect(readPlainPart(raw)).toBeUndefined();
  }
});

test('both encoders replace a lone surrogate with U+FFFD', () => {
  for (const half of ['\ud83e', '\udd8a', 'a\ud83eb', '\ud83e'.repeat(100)]) {
    const one = { type: 'text-delta', text: half, tokens: 1 } as const;
    expect(encodePartFrame(one)).toEqual(encodeCbor({ t: 'part', part: one }));
    const read = readRecord(encodePartFrame(one)) as { part: TextPart };
    expect(read.part.text).toBe(half.replaceAll(/[\ud800-\udfff]/g, '\ufffd'));
  }
});

test('a warning that is read by hand is one that the schema returns alike', () => {
  const value = fc.oneof(
    fc.constantFrom(undefined, null, 1, '', 'refusal', 'Refusal', 'a'.repeat(64), 'a'.repeat(65)),
    fc.string({ maxLength: 40 }),
    fc.constantFrom(limits.errorMessageLengthMax, limits.errorMessageLengthMax + 1).map((length) => 'x'.repeat(length)),
  );
  const warning = fc.record({ type: fc.constantFrom('warning', 'text-delta'), code: value, message: value, x: value });
  fc.assert(
    fc.property(fc.oneof(warning, value), (raw) => {
      const read = readPlainWarning(raw);
      if (read) expect(partSchema.safeParse(raw)).toEqual({ success: true, data: read });
    }),
    { numRuns: 1_000 },
  );
  expect(readPlainWarning({ type: 'warning', code: 'refusal', message: '' })).toBeDefined();
});
