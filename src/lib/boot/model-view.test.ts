import { expect, test } from 'vitest';
import { catalog, demoModel } from '#lib/engine/catalog.ts';
import type { DeviceFacts } from '#lib/engine/device.ts';
import { downloadBytes, tabFit, type PageFacts } from './model-view.ts';

const device: DeviceFacts = {
  webgpu: 'available',
  f16: true,
  vendor: 'apple',
  maxBufferBytes: 4e9,
  obstacle: undefined,
  memoryBytes: undefined,
};
const page: PageFacts = { phone: false, roomBytes: undefined };
const gpuModel = catalog.find(({ source }) => source.kind === 'mlc' && source.f16)!;

test('what the engine’s own check refuses does not fit', () => {
  expect(tabFit(gpuModel, device, page, 0)).toMatchObject({ fits: true });
  expect(tabFit(gpuModel, { ...device, f16: false }, page, 0)).toMatchObject({ fits: false });
  expect(tabFit(gpuModel, { ...device, webgpu: 'none', obstacle: 'No GPU.' }, page, 0)).toEqual({
    fits: false,
    reason: 'No GPU.',
  });
  expect(tabFit(gpuModel, { ...device, webgpu: 'software' }, page, 0)).toMatchObject({ fits: false });
});

test('the bundled model fits a small phone without WebGPU', () => {
  const small = { ...device, webgpu: 'none', memoryBytes: 1024 ** 3 } as const;
  expect(tabFit(demoModel, small, { phone: true, roomBytes: 1e9 }, 0)).toMatchObject({ fits: true });
});

test('a phone runs nothing large; room counts only for what is missing', () => {
  const large = { ...gpuModel, memoryBytes: 2e9 };
  expect(tabFit(large, device, { ...page, phone: true }, 0).fits).toBe(false);
  expect(tabFit(gpuModel, device, { ...page, roomBytes: 60e6 }, 0).fits).toBe(false);
  expect(tabFit(gpuModel, device, { ...page, roomBytes: 60e6 }, gpuModel.sizeBytes).fits).toBe(true);
});

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

const gguf = { kind: 'gguf', url: 'https://models.test/a.gguf', sizeBytes: 1, sha256: 'a'.repeat(64) } as const;
const headed = (headers: Record<string, string>, status = 200) =>
  answering(() => new Response(null, { status, headers }));

test('the size of a GGUF file is what its server says without sending it', async () => {
  const methods: unknown[] = [];
  const fetch: typeof globalThis.fetch = async (_, init) => {
    methods.push(init?.method, init?.credentials);
    return new Response(null, { headers: { 'content-length': '1000' } });
  };
  expect(await downloadBytes(gguf, { fetch })).toBe(1_000);
  expect(methods).toEqual(['HEAD', 'omit']);
});

test.each([
  ['nothing', headed({})],
  ['no number', headed({ 'content-length': 'many' })],
  ['the size of something compressed', headed({ 'content-length': '1000', 'content-encoding': 'gzip' })],
  ['that it is not there', headed({ 'content-length': '1000' }, 404)],
])('a server of a GGUF file that says %s leaves its size unknown', async (_, fetch) => {
  expect(await downloadBytes(gguf, { fetch })).toBeUndefined();
});

test.each([
  ['is not there', () => new Response('', { status: 404 })],
  ['is something else', () => new Response('<html>')],
  ['does not end', () => new Response(new Uint8Array(5 * 1024 * 1024))],
])('a list that %s says nothing', async (_, response) => {
  expect(await downloadBytes(source, { fetch: answering(response) })).toBeUndefined();
});
