import { md5 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, test } from 'vitest';
import { concatBytes, toHex, utf8Encode } from '#lib/base/bytes.ts';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode } from '#lib/base/errors.ts';
import { customModel } from '../catalog.ts';
import { createProgressMeter } from '../progress.ts';
import type { LoadProgress } from '../spec.ts';
import { createStoredModels } from '../stored-models.ts';
import { fetchMlc } from './fetch-mlc.ts';
import { removeMlcMetadata } from './remove-mlc.ts';
import { memoryCaches } from './memory-caches.fixture.ts';
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

const library = concatBytes(utf8Encode('\0asm'), new Uint8Array(496));
const page = '<!doctype html><title>Sign in</title>';

type Body = string | Uint8Array | number;
const files = (): Record<string, Body> => ({
  [`${folder}mlc-chat-config.json`]: JSON.stringify({
    tokenizer_files: ['tokenizer.json'],
    conv_template: { name: 'x' },
  }),
  [`${folder}tensor-cache.json`]: JSON.stringify({ metadata: {}, records }),
  [`${folder}tokenizer.json`]: '{}',
  ...Object.fromEntries(shards.map((bytes, index) => [`${folder}params_shard_${index}.bin`, bytes])),
  [source.libraryUrl]: library,
});

/** Serves these files; a number stands for an HTTP status. */
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

async function get(caches: CacheStorage, fetch: typeof globalThis.fetch, signal?: AbortSignal, from = source) {
  const steps: LoadProgress[] = [];
  const onProgress = createProgressMeter(manualClock(), (step) => steps.push(step));
  let totalBytes: number | undefined;
  const code = await fetchMlc(from, { fetch, caches, onProgress, signal }).then((fetched) => {
    totalBytes = fetched.totalBytes;
    return 'ok';
  }, errorCode);
  return { code, steps, totalBytes };
}

describe('fetching a WebLLM model', () => {
  test('puts every file where WebLLM looks for it, and needs no network the next time', async () => {
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
    const { code, steps, totalBytes } = await get(caches, second.fetch);
    expect({ code, asked: second.asked }).toEqual({ code: 'ok', asked: [] });
    expect(steps.every(({ phase, fromCache }) => phase === 'cache' && fromCache)).toBe(true);
    expect(steps.at(-1)!.loadedBytes).toBe(steps.at(-1)!.totalBytes);
    expect(steps.at(-1)!.loadedBytes).toBeGreaterThan(4_500);
    expect(totalBytes).toBe(steps.at(-1)!.totalBytes);
  });

  test('resumes at the missing shard', async () => {
    const caches = memoryCaches();
    const { [`${folder}params_shard_2.bin`]: _, ...broken } = files();
    expect((await get(caches, server(broken).fetch)).code).toBe('load-failed');
    const { fetch, asked } = server(files());
    expect((await get(caches, fetch)).code).toBe('ok');
    expect(asked).toContain('params_shard_2.bin');
    expect(asked).not.toContain('params_shard_0.bin');
  });

  test('cancels the other downloads after a failure', async () => {
    const { fetch } = server({ ...files(), [source.libraryUrl]: 404 });
    const hanging: typeof globalThis.fetch = (url, init) =>
      String(url).endsWith('params_shard_0.bin')
        ? new Promise((_, reject) =>
            init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason as Error)),
          )
        : fetch(url, init);
    expect((await get(memoryCaches(), hanging)).code).toBe('load-failed');
  });

  test('keeps a shard that was complete when cancelled before its end was signalled', async () => {
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
  ])('rejects a shard that is %s and does not keep it', async (_, body) => {
    const caches = memoryCaches();
    const { fetch } = server({ ...files(), [`${folder}params_shard_1.bin`]: body });
    expect((await get(caches, fetch)).code).toBe('model-corrupt');
    const model = await caches.open('webllm/model');
    expect(await model.match(`${folder}params_shard_1.bin`)).toBeUndefined();
    expect((await get(caches, server(files()).fetch)).code).toBe('ok');
  });

  test('refetches a stored shard of the wrong length', async () => {
    const caches = memoryCaches();
    await (await caches.open('webllm/model')).put(`${folder}params_shard_3.bin`, new Response(new Uint8Array(10)));
    expect((await get(caches, server(files()).fetch)).code).toBe('ok');
    const shard = await (await caches.open('webllm/model')).match(`${folder}params_shard_3.bin`);
    expect((await shard!.blob()).size).toBe(1_000);
  });

  test.each([
    [
      'a shard larger than any buffer',
      { [`${folder}tensor-cache.json`]: JSON.stringify({ records: [{ ...records[0], nbytes: 2 ** 31 }] }) },
      'model-corrupt',
    ],
    [
      'a list that leaves its folder',
      { [`${folder}tensor-cache.json`]: JSON.stringify({ records: [{ ...records[0], dataPath: '../x' }] }) },
      'model-corrupt',
    ],
    ['no tokenizer', { [`${folder}mlc-chat-config.json`]: '{"tokenizer_files":[]}' }, 'model-corrupt'],
    ['no such model', { [`${folder}mlc-chat-config.json`]: 404 }, 'load-failed'],
    ['no such library', { [source.libraryUrl]: 404 }, 'load-failed'],
  ])('reports %s', async (_, wrong, code) => {
    expect((await get(memoryCaches(), server({ ...files(), ...wrong }).fetch)).code).toBe(code);
  });

  const documents = [
    ['configuration', 'webllm/config', `${folder}mlc-chat-config.json`],
    ['list', 'webllm/model', `${folder}tensor-cache.json`],
    ['tokenizer', 'webllm/model', `${folder}tokenizer.json`],
    ['library', 'webllm/wasm', source.libraryUrl],
  ] as const;

  test.each(documents)(
    'rejects an HTML page in place of the %s, does not keep it, and recovers',
    async (_, name, url) => {
      const caches = memoryCaches();
      expect((await get(caches, server({ ...files(), [url]: page }).fetch)).code).toBe('model-corrupt');
      expect(await (await caches.open(name)).match(url)).toBeUndefined();
      expect((await get(caches, server(files()).fetch)).code).toBe('ok');
    },
  );

  test.each(documents)('refetches the %s if an HTML page was stored in its place', async (_, name, url) => {
    const caches = memoryCaches();
    expect((await get(caches, server(files()).fetch)).code).toBe('ok');
    await (await caches.open(name)).put(url, new Response(page));
    const { fetch, asked } = server(files());
    expect({ ...(await get(caches, fetch)), asked }).toMatchObject({ code: 'ok', asked: [url.split('/').at(-1)] });
  });

  test('rejects an HTML page in place of a binary tokenizer', async () => {
    const config = { [`${folder}mlc-chat-config.json`]: '{"tokenizer_files":["tokenizer.model"]}' };
    const served = (tokenizer: Body) =>
      server({ ...files(), ...config, [`${folder}tokenizer.model`]: tokenizer }).fetch;
    const caches = memoryCaches();
    expect((await get(caches, served(page))).code).toBe('model-corrupt');
    expect((await get(caches, served(Uint8Array.of(0x0a, 0x0e, 0x0a, 0x05)))).code).toBe('ok');
  });

  test('rejects an endless document', async () => {
    const { fetch } = server(files());
    const endless: typeof globalThis.fetch = (url, init) => {
      const chunk = new Uint8Array(1024 * 1024);
      const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(chunk) });
      return String(url).endsWith('tokenizer.json') ? Promise.resolve(new Response(body)) : fetch(url, init);
    };
    expect((await get(memoryCaches(), endless)).code).toBe('model-corrupt');
  });

  test('checks documents against given hashes, whether fetched or stored', async () => {
    const sri = (body: Body) => {
      const bytes = typeof body === 'string' ? utf8Encode(body) : (body as Uint8Array);
      return `sha256-${btoa(String.fromCharCode(...sha256(bytes)))}`;
    };
    const served = files();
    const integrity = {
      config: sri(served[`${folder}mlc-chat-config.json`]!),
      'tokenizer.json': sri(served[`${folder}tokenizer.json`]!),
      model_lib: sri(library),
    };
    const hashed = { ...source, integrity };
    const caches = memoryCaches();
    expect((await get(caches, server(served).fetch, undefined, hashed)).code).toBe('ok');
    for (const name of Object.keys(integrity)) {
      const other = { ...source, integrity: { ...integrity, [name]: sri('another') } };
      expect((await get(memoryCaches(), server(served).fetch, undefined, other)).code).toBe('model-corrupt');
      expect((await get(caches, server(served).fetch, undefined, other)).code).toBe('model-corrupt');
      expect((await get(caches, server(served).fetch, undefined, hashed)).code).toBe('ok');
    }
    const nonsense = { ...source, integrity: { model_lib: 'none' } };
    expect((await get(memoryCaches(), server(served).fetch, undefined, nonsense)).code).toBe('model-corrupt');
  });

  test('recovers when the publisher replaces the files', async () => {
    const caches = memoryCaches();
    const { [`${folder}params_shard_3.bin`]: _, ...interrupted } = files();
    expect((await get(caches, server(interrupted).fetch)).code).toBe('load-failed');
    const replaced = files();
    const records = [0, 1, 2, 3].map((index) => {
      const bytes = new Uint8Array(1_000).fill(index + 11);
      replaced[`${folder}params_shard_${index}.bin`] = bytes;
      return { dataPath: `params_shard_${index}.bin`, nbytes: 1_000, md5sum: toHex(md5(bytes)) };
    });
    replaced[`${folder}tensor-cache.json`] = JSON.stringify({ records });
    expect((await get(caches, server(replaced).fetch)).code).toBe('model-corrupt');
    expect((await get(caches, server(replaced).fetch)).code).toBe('ok');
    const model = await caches.open('webllm/model');
    for (const { dataPath, md5sum } of records) {
      const stored = await (await model.match(folder + dataPath))!.arrayBuffer();
      expect(toHex(md5(new Uint8Array(stored)))).toBe(md5sum);
    }
  });

  test('keeps the shards of a forgotten model after hashing them', async () => {
    const caches = memoryCaches();
    expect((await get(caches, server(files()).fetch)).code).toBe('ok');
    await removeMlcMetadata(source, caches);
    await (await caches.open('webllm/model')).put(`${folder}params_shard_1.bin`, new Response(new Uint8Array(1_000)));
    const { fetch, asked } = server(files());
    expect((await get(caches, fetch)).code).toBe('ok');
    expect(asked.sort()).toEqual([
      'mlc-chat-config.json',
      'params_shard_1.bin',
      'tensor-cache.json',
      'tiny.wasm',
      'tokenizer.json',
    ]);
  });

  test('reports a full quota and cancellation', async () => {
    expect((await get(memoryCaches({ quotaBytes: 2_000 }), server(files()).fetch)).code).toBe('quota-exceeded');
    expect((await get(memoryCaches(), server(files()).fetch, AbortSignal.abort())).code).toBe('aborted');
  });

  test('completes the folder URL as WebLLM does', () => {
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

  test('are listed with their size and deleted one by one, a shared library last of all', async () => {
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
