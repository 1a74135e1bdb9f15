import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gatherVariables, readSettingsFile, saveSettings, writeSettings } from './settings-file.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-settings-'));
  file = join(folder, 'tabloom.env');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('reading', () => {
  test('flags win over the environment, and that over the file', async () => {
    await writeFile(file, '# mine\nREDIS_URL_FILE=/a\nPORT=1\nHOST="0.0.0.0"\nLOG_LEVEL=info\n');
    const environment = { SETTINGS: file, PORT: '2', LOG_LEVEL: '2', HOST: '' };
    expect(await gatherVariables({ LOG_LEVEL: 'silent' }, environment)).toEqual({
      SETTINGS: file,
      PORT: '2',
      HOST: '0.0.0.0',
      LOG_LEVEL: 'silent',
      REDIS_URL_FILE: '/a',
    });
    await writeFile(`${file}.other`, 'PORT=3\n');
    expect(await gatherVariables({ SETTINGS: `${file}.other` }, { SETTINGS: file })).toMatchObject({ PORT: '3' });
  });

  test('without a file there is only the environment', async () => {
    expect(await gatherVariables({ PORT: '1' }, { HOST: 'a', SETTINGS: '' })).toEqual({ PORT: '1', HOST: 'a' });
  });

  test.each([['PROT=1'], ['SETTINGS=other.env'], ['port=1']])('%s is refused by name', async (line) => {
    await writeFile(file, `${line}\n`);
    await expect(readSettingsFile(file)).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining(`${line.split('=')[0]} in ${file} is no setting`),
    });
  });

  test('a file that is not there', async () => {
    await expect(readSettingsFile(file)).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining(file),
    });
  });
});

describe('writing', () => {
  const values = {
    RELAYS: 'wss://relay.example,ws://localhost:8080',
    NATIVE_MODELS: 'qwen3:8b,a b#c',
    NATIVE_SERVER_KEY: `it's "q$uoted"\\n`,
    KEY_NAME: `say "hi\\n"`,
    DATA_DIR: '',
  };

  test('reads back as it was', () => {
    expect(parseEnv(writeSettings(values, ['About it.', 'NATIVE=off']))).toEqual(values);
  });

  test.each(['a\nb', `'"\``])('%j cannot be written, and is not repeated', (value) => {
    expect(() => writeSettings({ NATIVE_SERVER_KEY: value }, [])).toThrow(/cannot be written/);
  });

  test('for its owner alone, and never over another without being told to', async () => {
    await saveSettings(file, 'PORT=1\n', 'keep');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await expect(saveSettings(file, 'PORT=2\n', 'keep')).rejects.toMatchObject({ code: 'settings-exist' });
    expect(await readFile(file, 'utf8')).toBe('PORT=1\n');
    await saveSettings(file, 'PORT=2\n', 'replace');
    expect(await readFile(file, 'utf8')).toBe('PORT=2\n');
    expect(await readdir(folder)).toEqual(['tabloom.env']);
  });

  test('into a folder that is not there', async () => {
    await expect(saveSettings(join(folder, 'a', 'b'), '', 'keep')).rejects.toMatchObject({
      code: 'settings-not-writable',
    });
  });
});
