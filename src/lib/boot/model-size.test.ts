import { expect, test } from 'vitest';
import { downloadBytes } from './model-size.ts';

const source = {
  kind: 'mlc',
  weightsUrl: 'https://models.test/mine/',
  libraryUrl: 'https://models.test/m.wasm',
  f16: true,
} as const;
const list = { records: [100e6, 200e6, 16e6].map((nbytes, i) => ({ dataPath: `params_shard_${i}.bin`, nbytes })) };
const answering =
  (response: () => Response, asked: string[] = []): typeof fetch =>
  async (url) => {
    asked.push(String(url));
    return response();
  };

test('D12: the size of a model is the sum of its shards', async () => {
  const asked: string[] = [];
  expect(await downloadBytes(source, { fetch: answering(() => Response.json(list), asked) })).toBe(316e6);
  expect(asked).toEqual(['https://models.test/mine/resolve/main/tensor-cache.json']);
});

test.each([
  ['is not there', () => new Response('', { status: 404 })],
  ['is something else', () => new Response('<html>')],
  ['does not end', () => new Response(new Uint8Array(5 * 1024 * 1024))],
])('a list that %s says nothing', async (_, response) => {
  expect(await downloadBytes(source, { fetch: answering(response) })).toBeUndefined();
});
