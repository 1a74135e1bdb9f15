import { md5 } from '@noble/hashes/legacy.js';
import { describe, expect, test } from 'vitest';
import { toHex } from '#lib/base/bytes.ts';
import { manualClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { customModel } from '../catalog.ts';
import { createProgressMeter } from '../progress.ts';
import type { LoadProgress } from '../spec.ts';
import { createStoredModels } from '../stored-models.ts';
import { fetchMlc } from './fetch-mlc.ts';
import { memoryCaches } from './memory-caches.ts';
import { weightsFolder, type MlcSource } from './mlc-layout.ts';

const source: MlcSource = {
  kind: 'mlc',
  weightsUrl: 'https://models.example/tiny',
  libraryUrl: 'https://models.example/libs/tiny.wasm',
  f16: false,
};
const folder = 'https://models.example/tiny/resolve/main/';
const shards = [0, 1, 2, 3].map((index) => new Uint8Array(1_000).fill(index + 1));
const records = shards.map((bytes, index) => ({
  dataPath: `params_shard_${index}.bin`,
  nbytes: bytes.length,
  md5sum: toHex(md5(bytes)),
}));

type Body = string | Uint8Array | number;
const files = (): Record<string, Body> => ({
  [`${folder}mlc-chat-config.json`]: JSON.stringify({
    tokenizer_files: ['tokenizer.json'],
    conv_template: { name: 'x' },
  }),
  [`${folder}tensor-cache.json`]: JSON.stringify({ metadata: {}, records }),
  [`${folder}tokenizer.json`]: '{}',
  ...Object.fromEntries(shards.map((bytes, index) => [`${folder}params_shard_${index}.bin`, bytes])),
  [source.libraryUrl]: new Uint8Array(500),
});

/** Serves these files; a number is a status. */
function server(served: Record<string, Body>) {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (url, init) => {
    init?.signal?.throwIfAborted();
    asked.push(String(url).split('/').at(-1)!);
    const body = served[String(url)];
    if (body === undefined) throw new TypeError('network');
    return typeof body === 'number' ? new Response('', { status: body }) : new Response(body as BodyInit);
  };
  return { fetch, asked };
}

async function get(caches: CacheStorage, fetch: typeof globalThis.fetch, signal?: AbortSignal) {
  const steps: LoadProgress[] = [];
  const onProgress = createProgressMeter(manualClock(), (step) => steps.push(step));
  const code = await fetchMlc(source, { fetch, caches, onProgress, signal }).then(() => 'ok', errorCode);
  return { code, steps };
}

describe('fetching a WebLLM model', () => {
  test('puts every file where WebLLM looks, and needs no network the next time', async () => {
    const caches = memoryCaches();
    const first = server(files());
    expect((await get(caches, first.fetch)).code).toBe('ok');
    const keys = async (name: string) => (await (await caches.open(name)).keys()).map(({ url }) => url).sort();
    expect(await keys('webllm/config')).toEqual([`${folder}mlc-chat-config.json`]);
    expect(await keys('webllm/wasm')).toEqual([source.libraryUrl]);
    expect(await keys('webllm/model')).toEqual([
      ...records.map(({ dataPath }) => folder + dataPath),
      `${folder}tensor-cache.json`,
      `${folder}tokenizer.json`,
    ]);
    const second = server({});
    const { code, steps } = await get(caches, second.fetch);
    expect({ code, asked: second.asked }).toEqual({ code: 'ok', asked: [] });
    expect(steps.every(({ phase, fromCache }) => phase === 'cache' && fromCache)).toBe(true);
    expect(steps.at(-1)!.loadedBytes).toBe(steps.at(-1)!.totalBytes);
    expect(steps.at(-1)!.loadedBytes).toBeGreaterThan(4_500);
  });

  test('goes on at the missing shard', async () => {
    const caches = memoryCaches();
    const { [`${folder}params_shard_2.bin`]: _, ...broken } = files();
    expect((await get(caches, server(broken).fetch)).code).toBe('load-failed');
    const { fetch, asked } = server(files());
    expect((await get(caches, fetch)).code).toBe('ok');
    expect(asked).toContain('params_shard_2.bin');
    expect(asked).not.toContain('params_shard_0.bin');
  });

  test('does not wait for the rest of a model that cannot be had', async () => {
    const { fetch } = server({ ...files(), [source.libraryUrl]: 404 });
    const hanging: typeof globalThis.fetch = (url, init) =>
      String(url).endsWith('params_shard_0.bin')
        ? new Promise((_, reject) =>
            init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason as Error)),
          )
        : fetch(url, init);
    expect((await get(memoryCaches(), hanging)).code).toBe('load-failed');
  });

  test('keeps a shard that was whole when it was stopped, though its end had not been told', async () => {
    const caches = memoryCaches();
    const { fetch } = server(files());
    const stop = new AbortController();
    const untold: typeof globalThis.fetch = async (url, init) => {
      const response = await fetch(url, init);
      if (!String(url).endsWith('params_shard_2.bin')) return response;
      const whole = new Uint8Array(await response.arrayBuffer());
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(whole),
        pull: (controller) => {
          stop.abort();
          controller.error(stop.signal.reason);
        },
      });
      return new Response(body);
    };
    expect((await get(caches, untold, stop.signal)).code).toBe('aborted');
    expect(await (await caches.open('webllm/model')).match(`${folder}params_shard_2.bin`)).toBeDefined();
  });

  test.each([
    ['cut short', shards[1]!.slice(0, 900)],
    ['longer', new Uint8Array(1_001)],
    ['of other bytes', new Uint8Array(1_000)],
  ])('refuses a shard that is %s and does not keep it', async (_, body) => {
    const caches = memoryCaches();
    const { fetch } = server({ ...files(), [`${folder}params_shard_1.bin`]: body });
    expect((await get(caches, fetch)).code).toBe('model-corrupt');
    const model = await caches.open('webllm/model');
    expect(await model.match(`${folder}params_shard_1.bin`)).toBeUndefined();
    expect((await get(caches, server(files()).fetch)).code).toBe('ok');
  });

  test('fetches a stored shard of another length again', async () => {
    const caches = memoryCaches();
    await (await caches.open('webllm/model')).put(`${folder}params_shard_3.bin`, new Response(new Uint8Array(10)));
    expect((await get(caches, server(files()).fetch)).code).toBe('ok');
    const shard = await (await caches.open('webllm/model')).match(`${folder}params_shard_3.bin`);
    expect((await shard!.blob()).size).toBe(1_000);
  });

  test.each([
    ['a page in place of the list', { [`${folder}tensor-cache.json`]: '<!doctype html>' }, 'model-corrupt'],
    [
      'a list that leaves its folder',
      { [`${folder}tensor-cache.json`]: JSON.stringify({ records: [{ ...records[0], dataPath: '../x' }] }) },
      'model-corrupt',
    ],
    ['no tokenizer', { [`${folder}mlc-chat-config.json`]: '{"tokenizer_files":[]}' }, 'model-corrupt'],
    ['no such model', { [`${folder}mlc-chat-config.json`]: 404 }, 'load-failed'],
    ['no such library', { [source.libraryUrl]: 404 }, 'load-failed'],
  ])('says so of %s', async (_, wrong, code) => {
    expect((await get(memoryCaches(), server({ ...files(), ...wrong }).fetch)).code).toBe(code);
  });

  test('says when the browser is full, and when it is stopped', async () => {
    expect((await get(memoryCaches({ quotaBytes: 2_000 }), server(files()).fetch)).code).toBe('quota-exceeded');
    expect((await get(memoryCaches(), server(files()).fetch, AbortSignal.abort())).code).toBe('aborted');
  });

  test('completes the folder as WebLLM does', () => {
    expect(weightsFolder(source)).toBe(folder);
    expect(weightsFolder({ weightsUrl: 'https://a.example/x/resolve/v2/' })).toBe('https://a.example/x/resolve/v2/');
  });
});

describe('stored models', () => {
  const mine = customModel({ name: 'mine', source, contextTokens: 512 });
  const other = customModel({
    name: 'other',
    source: { ...source, weightsUrl: 'https://models.example/other' },
    contextTokens: 512,
  });

  test('are listed with their size and deleted one by one, a shared library last', async () => {
    const caches = memoryCaches();
    await get(caches, server(files()).fetch);
    const shared = await caches.open('webllm/model');
    await shared.put('https://models.example/other/resolve/main/params_shard_0.bin', new Response(new Uint8Array(7)));
    const stored = createStoredModels(caches, [mine, other]);
    expect((await stored.list()).map(({ model, storedBytes }) => [model.name, storedBytes > 4_000])).toEqual([
      ['mine', true],
      ['other', false],
    ]);
    const library = async () => (await caches.open('webllm/wasm')).match(source.libraryUrl);
    await stored.delete(mine);
    expect((await stored.list()).map(({ model }) => model.name)).toEqual(['other']);
    expect(await library()).toBeDefined();
    await stored.delete(other);
    expect(await stored.list()).toEqual([]);
    expect(await library()).toBeUndefined();
  });
});
