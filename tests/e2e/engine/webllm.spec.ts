import { expect, test } from '@playwright/test';
import { customModel, findModel } from '#lib/engine/catalog.ts';
import { openBenchPage, type BenchPage } from './bench-page.ts';
import { shardBytes } from './mlc-files.ts';
import type { EngineBench } from './page/main.ts';

declare const bench: EngineBench;

test.describe.configure({ mode: 'serial' });

const modelAt = (origin: string, weights: string, library = 'library.wasm') =>
  customModel({
    name: 'local',
    source: {
      kind: 'mlc',
      weightsUrl: `${origin}/mlc/${weights}/resolve/main/`,
      libraryUrl: `${origin}/mlc/${library}`,
      f16: false,
    },
    contextTokens: 512,
  });

test.describe('WebLLM where the browser has WebGPU', () => {
  let opened: BenchPage;
  test.beforeAll(async () => {
    opened = await openBenchPage({ args: ['--enable-unsafe-webgpu'] });
  });
  test.afterAll(() => opened.close());

  test('an adapter is found, and what it lacks is known', async () => {
    const device = await opened.page.evaluate(() => bench.device());
    expect(device).toMatchObject({ webgpu: 'software', f16: false, obstacle: undefined });
  });

  test('a model that needs 16-bit shaders is refused before a byte is fetched', async () => {
    const model = findModel('qwen2.5-0.5b-q4f16_1');
    const result = await opened.page.evaluate((one) => bench.load('webllm', one), model);
    expect(result.code).toBe('no-webgpu');
    expect(result.message).toContain('16-bit shaders');
    expect(result.steps).toEqual([]);
  });

  test('an address where nothing is fails with its code', async () => {
    const { page, origin } = opened;
    const nobody = modelAt('http://127.0.0.1:9', 'x');
    expect((await page.evaluate((one) => bench.load('webllm', one), nobody)).code).toBe('load-failed');
    const missing = modelAt(origin, 'x', 'none.wasm');
    expect((await page.evaluate((one) => bench.load('webllm', one), missing)).code).toBe('load-failed');
  });

  test('a cancelled download keeps whole shards and goes on without them', async () => {
    const { page, origin, requests } = opened;
    const model = modelAt(origin, 'tiny');
    const storedBytes = async () =>
      (await page.evaluate((one) => bench.storedModels([one]), model))[0]?.storedBytes ?? 0;
    const loading = page.evaluate((one) => bench.load('webllm', one), model);
    await expect.poll(storedBytes).toBeGreaterThanOrEqual(3 * shardBytes);
    await expect.poll(() => requests.some(({ path }) => path.endsWith('params_shard_3.bin'))).toBe(true);
    await page.evaluate(() => bench.stopLoad());
    expect((await loading).code).toBe('aborted');
    expect(await storedBytes()).toBeGreaterThanOrEqual(3 * shardBytes);
    expect(await storedBytes()).toBeLessThan(4 * shardBytes);

    const before = requests.length;
    const again = await page.evaluate((one) => bench.load('webllm', one), model);
    // The files are all here now; the library is none, and WebLLM says so.
    expect(again.code).toBe('model-corrupt');
    const asked = requests.slice(before).map(({ path }) => path.split('/').at(-1));
    expect(asked.filter((name) => name?.startsWith('params_shard'))).toEqual(['params_shard_3.bin']);
    expect(again.info).toMatchObject({ name: 'webllm' });

    // What does not go together is asked for again, all but the shards, which are what they should be.
    const once = requests.length;
    const more = await page.evaluate((one) => bench.load('webllm', one), model);
    expect(more.code).toBe('model-corrupt');
    const small = ['library.wasm', 'mlc-chat-config.json', 'tensor-cache.json', 'tokenizer.json'];
    expect(
      requests
        .slice(once)
        .map(({ path }) => path.split('/').at(-1))
        .sort(),
    ).toEqual(small);
  });

  test('a stored model is listed and deleted, nothing of it stays', async () => {
    const { page, origin } = opened;
    const model = modelAt(origin, 'tiny');
    expect(await page.evaluate((one) => bench.storedModels([one]), model)).toHaveLength(1);
    await page.evaluate((one) => bench.deleteModel([one], one), model);
    expect(await page.evaluate((one) => bench.storedModels([one]), model)).toEqual([]);
    const left = await page.evaluate(async () => {
      const counts = [];
      for (const name of ['webllm/model', 'webllm/config', 'webllm/wasm']) {
        counts.push((await (await caches.open(name)).keys()).filter(({ url }) => url.includes('/mlc/tiny')).length);
      }
      return counts;
    });
    expect(left).toEqual([0, 0, 0]);
  });
});

test.describe('WebLLM where the browser has none', () => {
  test('says no-webgpu, and the page goes on', async () => {
    const opened = await openBenchPage({ args: ['--disable-features=WebGPU', '--disable-gpu'] });
    try {
      const model = modelAt(opened.origin, 'tiny');
      expect((await opened.page.evaluate((one) => bench.load('webllm', one), model)).code).toBe('no-webgpu');
      const demo = await opened.page.evaluate(() => bench.demo());
      expect((await opened.page.evaluate((one) => bench.load('wllama', one), demo)).code).toBe('ok');
    } finally {
      await opened.close();
    }
  });
});
