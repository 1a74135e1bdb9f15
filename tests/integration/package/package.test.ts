import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chatCompletionSchema } from '#lib/protocol/openai.ts';
import { projectRoot } from '../../../scripts/tasks/tool.ts';
import {
  runRelay,
  startProvide,
  startRelay,
  type ProgramProcess,
  type RelayProcess,
} from '../../fixtures/relay-process.ts';
import { startOpenAIServer } from '../engine/openai-server.ts';
import { eventually, health, postChat, question } from '../relay/http.ts';
import { installPackage, isRoot, nobody, type InstalledPackage } from './installed.ts';

let all: InstalledPackage;
beforeAll(async () => {
  all = await installPackage();
}, 120_000);
afterAll(() => all?.dispose());

test('it holds the program, its pages and its documents, and nothing that is only for those who make it', async () => {
  const { files, home } = all;
  const wanted = 'CHANGELOG.md LICENSE README.md THIRD-PARTY.md build docs package.json relay static';
  expect([...new Set(files.map((file) => file.split('/')[0]))].toSorted().join(' ')).toBe(wanted);
  expect(files.filter((file) => /\.(ts|map)$|\.test\.|fixture|\.stamp$/.test(file))).toEqual([]);
  const relay = join(home, 'relay');
  for (const file of await readdir(relay)) {
    const code = await readFile(join(relay, file), 'utf8');
    expect(code.includes(projectRoot), `${file} names this folder`).toBe(false);
    for (const [, worker] of code.matchAll(/new URL\("\.\/([^"]+)"/g)) expect(await readdir(relay)).toContain(worker);
  }
  const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
  expect(manifest).toMatchObject({ private: true, bin: { tabloom: 'relay/main.js' }, engines: { node: '>=22.18' } });
  expect(Object.keys(manifest.dependencies)).toEqual(['node-datachannel']);
});

test('it says its version and its help, and what is wrong', async () => {
  const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8'));
  const { installed } = all;
  expect(await runRelay(['--version'], {}, installed)).toEqual({ code: 0, text: `${version}\n` });
  const help = await runRelay(['provide', '--help'], {}, installed);
  expect(help.code).toBe(0);
  expect(help.text).toContain('Usage: tabloom provide [flags]');
  expect((await runRelay(['prove'], {}, installed)).code).toBe(2);
  const keys = await runRelay(['keys', 'create'], { DATA_DIR: all.data('keys') }, installed);
  expect(keys.text).toMatch(/^sk_[\w-]{43}$/m);
});

describe('a relay and a provider from it', () => {
  let relay: RelayProcess;
  let provide: ProgramProcess;
  let server: Awaited<ReturnType<typeof startOpenAIServer>>;
  beforeAll(async () => {
    const { installed, data } = all;
    server = await startOpenAIServer();
    relay = await startRelay({ native: 'no-native', dataDir: data('relay'), installed });
    const flags = ['--backend', new URL(server.baseUrl).origin];
    provide = await startProvide({ relays: [relay.url], flags, dataDir: data('provide'), installed });
  });
  afterAll(async () => {
    await provide?.dispose();
    await relay?.dispose();
    await server?.close();
  });

  test('answer, and serve the pages', async () => {
    await eventually(async () => (await health(relay.url)).offers === 1);
    const answer = chatCompletionSchema.parse(await (await postChat(relay.url, question({ model: 'auto' }))).json());
    expect(answer.choices[0]!.message.content).not.toBe('');
    expect(answer['tabloom']).toMatchObject({ role: 'native', receipt: { checks: { signature: true, output: true } } });
    expect(await (await fetch(relay.url)).text()).toContain('<title>Tabloom</title>');
    expect((await fetch(`${relay.url}/ready`)).status).toBe(200);
  });

  test.skipIf(!isRoot)('belong to the user who runs them (needs root)', async () => {
    expect((await stat(join(all.data('relay'), 'ledger.db'))).uid).toBe(nobody.uid);
    const status = await readFile(`/proc/${relay.pid}/status`, 'utf8');
    expect(/^Uid:\s+(\d+)/m.exec(status)![1]).toBe(String(nobody.uid));
  });

  test('end on request, and leave books that are even', async () => {
    expect(await provide.halt()).toBe(0);
    expect(await relay.halt()).toBe(0);
    const check = await runRelay(['ledger', 'check'], { DATA_DIR: all.data('relay') }, all.installed);
    expect(check).toMatchObject({ code: 0, text: expect.stringContaining('The books are even.') });
  });
});

test('the bundled model needs a package that does not come along, and says so', async () => {
  const relay = await startRelay({ native: 'with-native', dataDir: all.data('native'), installed: all.installed });
  expect(relay.text()).toContain('llama.cpp is not installed. Install node-llama-cpp@');
  expect(await relay.halt()).toBe(0);
});
