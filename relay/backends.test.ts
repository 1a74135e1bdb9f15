import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBackends } from './backends.ts';
import { readEnv } from './settings/read-env.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-backends-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function read(file: unknown, variables: Readonly<Record<string, string>> = {}) {
  const path = join(folder, 'backends.json');
  await writeFile(path, typeof file === 'string' ? file : JSON.stringify(file));
  return readBackends(readEnv('relay', { BACKENDS: path, ...variables }));
}

test('servers of the settings and of the file, each with its own', async () => {
  await writeFile(join(folder, 'gpu.key'), 'secret\n');
  const file = {
    backends: [{ url: 'http://gpu:8000', keyFile: 'gpu.key', weight: 4, allow: ['qwen3:*'], aliases: { a: 'b' } }],
  };
  const found = await read(file, { NATIVE_SERVER: 'http://localhost:11434', NATIVE_SLOTS: '3' });
  expect(found).toMatchObject([
    { baseUrl: 'http://localhost:11434/v1/', slots: 3, weight: 1, features: ['probe'] },
    { baseUrl: 'http://gpu:8000/v1/', apiKey: 'secret', slots: 8, weight: 4, allow: ['qwen3:*'], aliases: { a: 'b' } },
  ]);
});

test("every server is asked over Node's own client, however it was named", async () => {
  const found = await read({ backends: [{ url: 'http://gpu:8000' }] }, { NATIVE_SERVER: 'http://localhost:11434' });
  expect(found.map(({ fetch }) => fetch === globalThis.fetch)).toEqual([false, false]);
});

const paid = {
  url: 'https://api.example',
  allow: ['vendor/a'],
  overflow: true,
  overflowRequestsPerDay: 100,
  overflowTokensPerDay: 10_000,
};

test('a server is paid only where its owner says so, and how much at most', async () => {
  const found = await read({ backends: [paid, { url: 'http://gpu:8000' }] }, { NATIVE_SERVER: 'http://localhost:1' });
  expect(found.map(({ overflow }) => overflow)).toEqual([
    undefined,
    { requestsPerDay: 100, tokensPerDay: 10_000 },
    undefined,
  ]);
});

test.each<[string, unknown]>([
  ['no JSON', '{'],
  ['no servers', { backends: [] }],
  ['an unknown member', { backends: [{ url: 'http://gpu:8000', slot: 1 }] }],
  ['no weight', { backends: [{ url: 'http://gpu:8000', weight: 0 }] }],
  ['a metadata service', { backends: [{ url: 'http://169.254.169.254' }] }],
  ['a key file that is not there', { backends: [{ url: 'http://gpu:8000', keyFile: 'none' }] }],
  ['a reserve of every slot', { backends: [{ url: 'http://gpu:8000', slots: 2, reserve: 2 }] }],
  ['nothing to pay for', { backends: [{ ...paid, allow: [] }] }],
  ['no limit of requests', { backends: [{ ...paid, overflowRequestsPerDay: undefined }] }],
  ['no limit of tokens', { backends: [{ ...paid, overflowTokensPerDay: undefined }] }],
  ['a limit where nothing is paid', { backends: [{ ...paid, overflow: false }] }],
  ['slots kept at a paid server', { backends: [{ ...paid, reserve: 1 }] }],
  ['one server twice', { backends: [{ url: 'http://gpu:8000' }, { url: 'http://gpu:8000/v1' }] }],
])('%s is refused by name', async (_name, file) => {
  await expect(read(file)).rejects.toMatchObject({
    code: 'bad-setting',
    message: expect.stringMatching(/^BACKENDS .*\.$/),
  });
});

test.each([
  ['NATIVE_SERVER', { NATIVE_SERVER: 'http://gpu:8000,http://gpu:8000/v1' }],
  ['NATIVE_RESERVE', { NATIVE_SERVER: 'http://gpu:8000', NATIVE_SLOTS: '2', NATIVE_RESERVE: '2' }],
])('what is wrong in %s is refused under that name', async (name, variables) => {
  await expect(readBackends(readEnv('provide', { RELAYS: 'ws://localhost:1', ...variables }))).rejects.toMatchObject({
    code: 'bad-setting',
    message: expect.stringMatching(new RegExp(`^${name} .*\\.$`)),
    details: { name },
  });
});

test('a server of the settings that the file names again is refused by the name of the file', async () => {
  const again = read({ backends: [{ url: 'http://gpu:8000' }] }, { NATIVE_SERVER: 'http://gpu:8000' });
  await expect(again).rejects.toMatchObject({ code: 'bad-setting', details: { name: 'BACKENDS' } });
});

test('slots are reserved by the settings, or by the file for each server', async () => {
  const file = { backends: [{ url: 'http://gpu:8000', reserve: 3 }, { url: 'http://other:8000' }] };
  const found = await read(file, { NATIVE_SERVER: 'http://localhost:11434', NATIVE_RESERVE: '2' });
  expect(found.map(({ reserve }) => reserve)).toEqual([2, 3, 0]);
});
