import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPublishedRows } from './published-rows.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tabloom-rows-'))));
afterAll(() => rm(folder, { recursive: true }));

const kernel = { engine: 'llama', build: '1', deviceClass: 'native-cpu' };
const row = {
  artefact: 'a'.repeat(64),
  worker: kernel,
  validator: kernel,
  tokens: 20_000,
  mean: 0,
  sd: 0.001,
  max: 0.05,
};

test('the rows of a file are read, and none where none is named', async () => {
  expect(await readPublishedRows({})).toEqual([]);
  const file = join(folder, 'rows.json');
  await writeFile(file, JSON.stringify([row]));
  expect(await readPublishedRows({ AUDIT_CALIBRATIONS: file })).toEqual([row]);
});

test('a file that is not there, is no JSON, or has a row that holds nothing is a wrong setting, and is never taken for none', async () => {
  const wrong = ['no JSON', JSON.stringify(row), JSON.stringify([{ ...row, tokens: 500 }])];
  for (const [at, text] of wrong.entries()) await writeFile(join(folder, `${at}.json`), text);
  for (const name of ['absent', ...wrong.keys()])
    await expect(readPublishedRows({ AUDIT_CALIBRATIONS: join(folder, `${name}.json`) })).rejects.toMatchObject({
      code: 'bad-setting',
    });
});
