import { expect, test } from 'vitest';
import type { ArtefactId } from '#lib/protocol/ids.ts';
import { calibrationOf, calibrationRowsSchema, rowsOf, type CalibrationRow, type KernelClass } from './calibration.ts';

const artefact = 'a'.repeat(64) as ArtefactId;
const node: KernelClass = { engine: 'llama', build: '1', deviceClass: 'native-cpu' };
const tab: KernelClass = { engine: 'wllama', build: '1', deviceClass: 'wasm-cpu' };
const row: CalibrationRow = { artefact, worker: tab, validator: node, tokens: 20_000, mean: 0, sd: 1e-3, max: 0.01 };

test('a row holds for its artefact and its two kernel classes, the way round it was measured', () => {
  const found = (id: ArtefactId, worker: KernelClass, validator: KernelClass | undefined) =>
    calibrationOf(rowsOf([row], id, worker), validator);
  expect(found(artefact, tab, node)).toBe(row);
  for (const [id, worker, validator] of [
    ['b'.repeat(64) as ArtefactId, tab, node],
    [artefact, node, tab],
    [artefact, { ...tab, build: '2' }, node],
    [artefact, tab, { ...node, deviceClass: 'native-gpu' }],
    [artefact, tab, undefined],
  ] as const) {
    expect(found(id, worker, validator)).toBeUndefined();
  }
});

test('a row of too few tokens, without a bound, or with a word more is none', () => {
  expect(calibrationRowsSchema.safeParse([row]).success).toBe(true);
  for (const change of [{ tokens: 19_999 }, { max: undefined }, { max: Number.NaN }, { mean: -1 }, { limit: 1 }])
    expect(calibrationRowsSchema.safeParse([{ ...row, ...change }]).success, JSON.stringify(change)).toBe(false);
});
