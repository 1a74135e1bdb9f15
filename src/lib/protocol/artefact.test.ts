import { expect, test } from 'vitest';
import { artefactId, manifestSchema } from './artefact.ts';

const a = { path: 'a.gguf', sizeBytes: 1, sha256: '1'.repeat(64) };
const b = { path: 'b.gguf', sizeBytes: 2, sha256: '2'.repeat(64) };

test('file order does not change the id; path, size and content each do', () => {
  const id = artefactId({ files: [a, b] });
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(artefactId({ files: [b, a] })).toBe(id);
  const others = [
    { files: [a] },
    { files: [a, { ...b, path: 'c.gguf' }] },
    { files: [a, { ...b, sizeBytes: 3 }] },
    { files: [a, { ...b, sha256: '3'.repeat(64) }] },
  ].map(artefactId);
  expect(new Set([id, ...others]).size).toBe(5);
});

test('the input array is not mutated', () => {
  const files = [b, a];
  artefactId({ files });
  expect(files).toEqual([b, a]);
});

test('a manifest needs at least one file, each with a path, a size and a hash', () => {
  expect(manifestSchema.safeParse({ files: [a] }).success).toBe(true);
  for (const files of [[], [{ ...a, path: '' }], [{ ...a, sizeBytes: -1 }], [{ ...a, sha256: 'x' }]]) {
    expect(manifestSchema.safeParse({ files }).success).toBe(false);
  }
});
