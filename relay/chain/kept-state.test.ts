import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKeptState } from './kept-state.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-chain-'));
  path = join(folder, 'chain.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

let seconds = 1;
/** As the chain does, in place. */
async function write(text: string): Promise<void> {
  await writeFile(path, text);
  await utimes(path, ++seconds, seconds);
}
const read = (name = path) => readFile(name, 'utf8').catch(() => undefined);
const whole = '{"block":{"number":"0x2"},"accounts":{}}';

test('a chain that has written nothing, and one whose state is whole, are left alone', async () => {
  const state = createKeptState(path);
  expect(await state.mend()).toBe('as-it-was');
  await write(whole);
  expect([await state.mend(), await read()]).toEqual(['as-it-was', whole]);
});

test.each(['', '{"block":{"number":"0x3"},"acc', 'null'])(
  'what a kill left of its state (%s) gives way to the copy, and is put aside',
  async (half) => {
    const state = createKeptState(path);
    await write(whole);
    await state.keep();
    await write(half);
    // Half of it is no copy.
    await state.keep();
    expect(await createKeptState(path).mend()).toBe('restored');
    expect([await read(), await read(`${path}.broken`)]).toEqual([whole, half]);
  },
);

test('the copy is the newest state that was whole', async () => {
  const state = createKeptState(path);
  await write(whole);
  await state.keep();
  const newer = whole.replace('0x2', '0x9');
  await write(newer);
  await state.keep();
  await write('{');
  expect([await state.mend(), await read()]).toEqual(['restored', newer]);
});

test('without a copy the chain begins anew', async () => {
  await write('{"block"');
  expect(await createKeptState(path).mend()).toBe('lost');
  expect([await read(), await read(`${path}.broken`)]).toEqual([undefined, '{"block"']);
});

test('whoever removes the state does not get it back from the copy', async () => {
  const state = createKeptState(path);
  await write(whole);
  await state.keep();
  await rm(path);
  expect([await state.mend(), await read(), await read(`${path}.kept`)]).toEqual(['as-it-was', undefined, undefined]);
});
