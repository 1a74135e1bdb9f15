import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

describe('where others shall pay', () => {
  const mine = `0x${'11'.repeat(32)}`;
  const priced = () => ({
    ...relay(),
    NATIVE: 'on',
    HOST: '127.0.0.1',
    EARN_OUT: '0.15',
    EARN_CHAIN: '31337',
    CHAIN_RPC_URL: 'http://127.0.0.1:9',
  });
  const run = (variables: Record<string, string>, answers?: readonly unknown[], overwrite = false) =>
    runInit({ variables, overwrite, program: 'tabloom', prompter: answers && scriptedPrompter(answers) });
  const key = () => readFile(join(folder, 'earn.key'), 'utf8');

  test('a price alone makes an account, whose key is in a file of its own and used again', async () => {
    const { out } = await run(priced());
    expect(await key()).toMatch(/^0x[0-9a-f]{64}\n$/);
    expect((await stat(join(folder, 'earn.key'))).mode & 0o777).toBe(0o600);
    const values = await readSettingsFile(file);
    expect(values).toMatchObject({ EARN_OUT: '0.15', EARN_KEY_FILE: join(folder, 'earn.key') });
    expect(values).not.toHaveProperty('EARN_KEY');
    const [, address] = /The account (0x[0-9a-fA-F]{40}) is paid/.exec(out)!;
    expect(out).toMatch(/^fail +earning +The chain 31337 of EARN_KEY does not answer/m);
    expect(out).not.toContain((await key()).trim());
    expect((await run(priced(), undefined, true)).out).toContain(address);
  });

  test('one of mine is kept, and never replaces another', async () => {
    await run({ ...priced(), EARN_KEY: mine });
    expect(await key()).toBe(`${mine}\n`);
    const other = { ...priced(), EARN_KEY: `0x${'22'.repeat(32)}` };
    expect(await run(other, undefined, true).catch(errorCode)).toBe('key-exists');
    expect(await key()).toBe(`${mine}\n`);
  });

  test('one in a file stays where it is', async () => {
    const path = join(folder, 'mine.key');
    await run({ ...priced(), EARN_KEY: mine, EARN_KEY_FILE: path });
    expect(await readSettingsFile(file)).toMatchObject({ EARN_KEY_FILE: path });
    expect(await readdir(folder)).toEqual(['tabloom.env']);
  });

  test('a person is asked for price, chain and account', async () => {
    const asked = { ...relay(), NATIVE: 'on', HOST: '127.0.0.1' };
    await run(asked, ['paid', '0.05', '0.15', '31337', 'http://127.0.0.1:9', 'mine', mine]);
    expect(await key()).toBe(`${mine}\n`);
    expect(await readSettingsFile(file)).toMatchObject({ EARN_IN: '0.05', EARN_OUT: '0.15', EARN_CHAIN: '31337' });
    expect(await run(asked, ['free'], true)).toMatchObject({ out: expect.not.stringContaining('is paid') });
    expect(await readSettingsFile(file)).not.toHaveProperty('EARN_OUT');
  });

  test('nothing is written where the question is left, or the settings are kept', async () => {
    const asked = { ...relay(), NATIVE: 'on', HOST: '127.0.0.1' };
    expect(await run(asked, ['paid', '1', undefined]).catch(errorCode)).toBe('cancelled');
    await writeFile(file, 'PORT=1\n');
    expect(await run(priced(), ['new', false]).catch(errorCode)).toBe('cancelled');
    expect(await readdir(folder)).toEqual(['tabloom.env']);
  });
});
