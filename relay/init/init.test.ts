import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { readSettingsFile } from '../settings/settings-file.ts';
import { completeValues, runInit } from './init.ts';
import { scriptedPrompter } from './prompter.fixture.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-init-'));
  file = join(folder, 'tabloom.env');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const relay = () => ({ SETTINGS: file, INIT_ROLE: 'relay', NATIVE: 'off', PORT: '0', DATA_DIR: join(folder, 'data') });

test('flags alone write a file that the command reads, and doctor looks at it', async () => {
  const { out } = await runInit({ variables: relay(), overwrite: false, program: 'tabloom', prompter: undefined });
  const { INIT_ROLE: _, SETTINGS: _file, ...values } = relay();
  expect(await readSettingsFile(file)).toEqual(values);
  expect(out).toContain(`tabloom relay --settings ${file}`);
  expect(out).toMatch(/^ok +port +Any free port/m);
  expect(await readdir(folder)).toEqual(['tabloom.env']);
});

test.each([
  [{}, /--role/],
  [{ INIT_ROLE: 'provide' }, /--relays/],
  [{ INIT_ROLE: 'provide', RELAYS: 'ws://a' }, /--backend/],
  [{ INIT_ROLE: 'provide', RELAYS: 'ws://a', NATIVE_SERVER: 'http://a' }, /--models/],
  [{ INIT_ROLE: 'relay', NATIVE_SERVER: 'http://a' }, /--models/],
] as const)('%j is not enough without anybody to ask', (given, message) => {
  const failure = () => completeValues(given);
  expect(failure).toThrow(message);
  expect(() => failure()).toThrow(expect.objectContaining({ code: 'bad-flag' }));
});

test.each([[[undefined]], [['provide', undefined]], [['provide', 'bundled', undefined]]])(
  'Ctrl+C after %j writes nothing',
  async (answers) => {
    const prompter = { ...scriptedPrompter(answers) };
    const code = await runInit({ variables: { SETTINGS: file }, overwrite: false, program: 'tabloom', prompter }).catch(
      errorCode,
    );
    expect(code).toBe('cancelled');
    expect(await readdir(folder)).toEqual([]);
  },
);

test('a file that is there is replaced only on a yes, or by the flag', async () => {
  await writeFile(file, 'PORT=1\n');
  const run = (prompter: ReturnType<typeof scriptedPrompter> | undefined, overwrite = false) =>
    runInit({ variables: { ...relay(), HOST: '127.0.0.1' }, overwrite, program: 'tabloom', prompter }).catch(errorCode);
  expect(await run(undefined)).toBe('settings-exist');
  expect(await run(scriptedPrompter([false]))).toBe('cancelled');
  expect(await readFile(file, 'utf8')).toBe('PORT=1\n');
  expect(await run(scriptedPrompter([true]))).toMatchObject({ out: expect.stringContaining('is written') });
  expect(await run(undefined, true)).toMatchObject({ out: expect.stringContaining('is written') });
  expect(await readSettingsFile(file)).toMatchObject({ PORT: '0' });
});
