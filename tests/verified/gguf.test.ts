import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { encodeAs, readGguf, valuesOf, withNumber, writeGguf } from './gguf.ts';
import { modelFile } from './models.ts';

const file = readFileSync(modelFile);

test('the bundled model, taken apart and put together, is the same bytes', () => {
  expect(Buffer.compare(file, writeGguf(readGguf(file)))).toBe(0);
});

test('a number of the metadata is changed in its place, and nothing else', () => {
  const { metadata } = readGguf(file);
  const changed = withNumber(metadata, 'llama.block_count', 3);
  expect([...changed].filter((byte, at) => byte !== metadata[at])).toEqual([3]);
  expect(() => withNumber(metadata, 'llama.nothing', 3)).toThrow();
});

test('halves are written as they were read', () => {
  const tensor = readGguf(file).tensors.find(({ type }) => type === 'F16')!;
  expect(Buffer.compare(encodeAs('F16', valuesOf(tensor)), Buffer.from(tensor.data))).toBe(0);
});

test.each([
  ['Q8_0', 34, 1 / 127],
  ['Q4_0', 18, 1 / 8],
] as const)('a block of %s has a scale and its values, none off by more than a step', (type, bytes, step) => {
  const values = Float32Array.from({ length: 64 }, (_, at) => Math.sin(at) * (at < 32 ? 1 : 0.01));
  const data = encodeAs(type, values);
  expect(data.length).toBe(2 * bytes);
  const view = new DataView(data.buffer) as DataView & { getFloat16(at: number, littleEndian: boolean): number };
  for (const [at, value] of values.entries()) {
    const [start, place] = [Math.floor(at / 32) * bytes, at % 32];
    const scale = view.getFloat16(start, true);
    const nibble = () => (view.getUint8(start + 2 + (place % 16)) >> (place < 16 ? 0 : 4)) & 15;
    const read = scale * (type === 'Q8_0' ? view.getInt8(start + 2 + place) : nibble() - 8);
    expect(Math.abs(read - value)).toBeLessThanOrEqual((at < 32 ? 1 : 0.01) * step * 1.01);
  }
});
