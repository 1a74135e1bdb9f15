import { expect, test } from 'vitest';
import type { ModelSource } from '#lib/engine/spec.ts';
import { ownModel } from './own-model.ts';

const gguf = {
  format: 'gguf',
  name: 'mine',
  url: 'https://models.test/a.gguf',
  sha256: `sha256:${'AB'.repeat(32)}`,
  contextTokens: 2_048,
  memoryBytes: 1e9,
} as const;

test('a GGUF file has the size that its server states and the hash that its owner gave', async () => {
  const asked: ModelSource[] = [];
  const model = await ownModel(gguf, async (source) => (asked.push(source), 1_000));
  expect(model).toMatchObject({
    name: 'mine',
    engines: ['wllama', 'llama'],
    sizeBytes: 1_000,
    source: { kind: 'gguf', url: gguf.url, sizeBytes: 1_000, sha256: 'ab'.repeat(32) },
  });
  expect(asked).toHaveLength(1);
});

test.each([
  ['says nothing', async () => undefined],
  ['does not answer', () => Promise.reject(new TypeError('offline'))],
])('a GGUF file whose server %s about its size is not added', async (_, sizeOf) => {
  await expect(ownModel(gguf, sizeOf)).rejects.toMatchObject({ code: 'model-size-unknown' });
});

test.each([
  ['a hash that is none', { sha256: 'abc' }],
  ['an address that is none', { url: 'http://models.test/a.gguf' }],
  ['no name', { name: '' }],
])('with %s it is refused before its server is asked', async (_, wrong) => {
  const asked: ModelSource[] = [];
  const model = ownModel({ ...gguf, ...wrong }, async (source) => (asked.push(source), 1_000));
  await expect(model).rejects.toMatchObject({ code: 'bad-model' });
  expect(asked).toEqual([]);
});
