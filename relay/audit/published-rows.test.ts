import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoModel } from '#lib/engine/catalog.ts';
import { calibrationRowsSchema } from '#lib/trust/calibration.ts';
import { bundledRows } from './bundled-rows.ts';
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

test('the rows of a file are read in place of those of the product', async () => {
  expect(await readPublishedRows({})).toBe(bundledRows);
  const file = join(folder, 'rows.json');
  await writeFile(file, JSON.stringify([row]));
  expect(await readPublishedRows({ AUDIT_CALIBRATIONS: file })).toEqual([row]);
});

test('the rows of the product are of the bundled model, and of the engine that it comes with', () => {
  expect(calibrationRowsSchema.parse(bundledRows)).toEqual(bundledRows);
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  // Another model or build wants them measured anew: npm run verified-curve -- --rows.
  for (const { artefact, worker, validator } of bundledRows) {
    expect(artefact).toBe(demoModel.artefact);
    for (const { build } of [worker, validator])
      expect(build.startsWith(`node-llama-cpp ${dependencies['node-llama-cpp']} `)).toBe(true);
  }
  expect(bundledRows.length).toBeGreaterThan(0);
});

test('a file that is not there, is no JSON, or has a row that holds nothing is a wrong setting, and is never taken for none', async () => {
  const wrong = ['no JSON', JSON.stringify(row), JSON.stringify([{ ...row, tokens: 500 }])];
  for (const [at, text] of wrong.entries()) await writeFile(join(folder, `${at}.json`), text);
  for (const name of ['absent', ...wrong.keys()])
    await expect(readPublishedRows({ AUDIT_CALIBRATIONS: join(folder, `${name}.json`) })).rejects.toMatchObject({
      code: 'bad-setting',
    });
});
