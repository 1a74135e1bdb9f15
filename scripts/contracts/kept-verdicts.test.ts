import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openKeptVerdicts } from './kept-verdicts.ts';
import type { Mutant } from './mutant.ts';

const mutant: Mutant = {
  name: 'overdraft by one',
  breaks: 'I1',
  file: 'Claims.sol',
  from: 'a',
  to: 'b',
  test: 'Claims.t.sol',
  caughtBy: 'test_claim',
};
const failed = ['test_claim'];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kept-verdicts-'));
  await writeFile(join(folder, 'Claims.sol'), 'one');
});
afterEach(() => rm(folder, { recursive: true }));

const open = () => openKeptVerdicts(folder, join(folder, 'cache/kept.jsonl'));

test('a later run knows what was found of the same mutant on the same sources, and nothing of another', async () => {
  await (await open()).keep(mutant, failed);
  const later = await open();
  expect(later.of(mutant)).toEqual(failed);
  expect(later.of({ ...mutant, to: 'c' })).toBeUndefined();
});

test('changed sources or tests ask for new verdicts', async () => {
  await (await open()).keep(mutant, failed);
  await writeFile(join(folder, 'Claims.t.sol'), 'a test more');
  expect((await open()).of(mutant)).toBeUndefined();
});

test('a line that was cut off counts for nothing', async () => {
  await (await open()).keep(mutant, failed);
  await writeFile(join(folder, 'cache/kept.jsonl'), '{"key":"00","fail\n{}\n', { flag: 'a' });
  expect((await open()).of(mutant)).toEqual(failed);
});
