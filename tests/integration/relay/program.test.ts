import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { health } from './http.ts';
import { runRelay, startRelay, temporaryFolder, type RelayProcess } from '../../fixtures/relay-process.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('leaves with a coded line when it cannot start', () => {
  test.each([
    [['--prot', '1'], {}, 2, /^bad-flag: .*--help/],
    [['--port', 'eighty'], {}, 2, /^bad-setting: PORT /],
    [[], { ALLOWED_ORIGINS: '*' }, 2, /^bad-setting: ALLOWED_ORIGINS /],
    [['--host', '192.0.2.1', '--port', '0'], {}, 1, /^host-not-here: .*--host/],
  ])('%j %o', async (args, env, code, line) => {
    const result = await runRelay(args, { DATA_DIR: folder, ...env });
    expect(result.text).toMatch(line);
    expect(result.code).toBe(code);
  });

  test('a taken port', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const result = await runRelay(['--port', String(port)], { DATA_DIR: join(folder, 'taken') });
    holder.close();
    expect(result).toEqual({ code: 1, text: expect.stringMatching(new RegExp(`^port-in-use: Port ${port} .*--port`)) });
  });

  test('a data folder that cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    const result = await runRelay(['--port', '0'], { DATA_DIR: join(folder, 'file', 'data') });
    expect(result).toEqual({ code: 1, text: expect.stringMatching(/^data-not-writable: .*DATA_DIR/) });
  });

  test('--help says how and starts nothing', async () => {
    const result = await runRelay(['--help']);
    expect(result.code).toBe(0);
    for (const flag of ['--port', '--host', '--no-native', '--open', '--help']) expect(result.text).toContain(flag);
  });
});

describe('a file of settings', () => {
  test('init writes what relay starts with', async () => {
    const file = join(folder, 'tabloom.env');
    const flags = ['--yes', '--role', 'relay', '--no-native', '--port', '0', '--settings', file];
    const made = await runRelay(['init', ...flags], { DATA_DIR: join(folder, 'init') });
    expect(made).toEqual({ code: 0, text: expect.stringContaining(`npm start -- relay --settings ${file}`) });
    expect(await readFile(file, 'utf8')).toContain(`DATA_DIR=${join(folder, 'init')}\n`);
    const again = await runRelay(['init', ...flags]);
    expect(again).toEqual({ code: 1, text: expect.stringMatching(/^settings-exist: .*--overwrite/) });
    const relay = await startRelay({ native: 'with-native', env: { SETTINGS: file } });
    expect(await health(relay.url)).toMatchObject({ ok: true, native: { state: 'off' } });
    await relay.dispose();
  });

  test('without anybody to ask, init says what is missing and writes nothing', async () => {
    const file = join(folder, 'none.env');
    const result = await runRelay(['init', '--role', 'provide', '--settings', file]);
    expect(result).toEqual({ code: 2, text: expect.stringMatching(/^bad-flag: There is nobody to ask: .*--relays/) });
    expect(existsSync(file)).toBe(false);
  });

  test('one that is not there', async () => {
    const result = await runRelay(['--settings', join(folder, 'missing.env')]);
    expect(result).toEqual({ code: 2, text: expect.stringMatching(/^bad-setting: SETTINGS is wrong: .*missing\.env/) });
  });
});

describe('while one relay runs', () => {
  let relay: RelayProcess;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = join(folder, 'shared');
    await mkdir(dataDir);
    relay = await startRelay({ native: 'no-native', dataDir });
  });
  afterAll(() => relay?.dispose());

  test('another may not use its data, since two with one key make each other unreachable', async () => {
    const result = await runRelay(['--port', '0', '--no-native'], { DATA_DIR: dataDir });
    expect(result).toEqual({ code: 1, text: expect.stringMatching(/^data-in-use: .*DATA_DIR/) });
    expect(await health(relay.url)).toMatchObject({ ok: true, native: { state: 'off' } });
  });

  test('SIGTERM ends it cleanly, and it comes back as the same peer', async () => {
    const before = await (await fetch(`${relay.url}/relay.json`)).json();
    expect(await relay.halt('SIGTERM')).toBe(0);
    relay = await startRelay({ native: 'no-native', dataDir });
    expect(await (await fetch(`${relay.url}/relay.json`)).json()).toEqual(before);
    expect(await relay.halt('SIGINT')).toBe(0);
    expect(relay.text()).not.toMatch(/internal|Error/);
  });

  test('nobody reads what it prints any more: it goes on, and ends as cleanly', async () => {
    await relay.halt();
    relay = await startRelay({ native: 'no-native', dataDir });
    relay.closeOutput();
    expect(await health(relay.url)).toMatchObject({ ok: true });
    expect(await relay.halt('SIGTERM')).toBe(0);
    // The folder was given back, too.
    relay = await startRelay({ native: 'no-native', dataDir });
    expect(await health(relay.url)).toMatchObject({ ok: true });
  });
});
