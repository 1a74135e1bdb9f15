import { expect, test } from 'vitest';
import type { ArtefactId } from '#lib/protocol/ids.ts';
import { calibrationOf, type CalibrationRow, type KernelClass } from './calibration.ts';

const artefact = 'a'.repeat(64) as ArtefactId;
const node: KernelClass = { engine: 'llama', build: '1', deviceClass: 'native-cpu' };
const tab: KernelClass = { engine: 'wllama', build: '1', deviceClass: 'wasm-cpu' };
const row: CalibrationRow = { artefact, worker: tab, validator: node, tokens: 20_000, mean: 0, sd: 1e-3, max: 0.01 };

test('a row holds for its artefact and its two kernel classes, the way round it was measured', () => {
  expect(calibrationOf([row], artefact, tab, node)).toBe(row);
  for (const [id, worker, validator] of [
    ['b'.repeat(64) as ArtefactId, tab, node],
    [artefact, node, tab],
    [artefact, { ...tab, build: '2' }, node],
    [artefact, tab, { ...node, deviceClass: 'native-gpu' }],
  ] as const) {
    expect(calibrationOf([row], id, worker, validator)).toBeUndefined();
  }
});

test('a row of too few tokens is none', () => {
  expect(calibrationOf([{ ...row, tokens: 19_999 }], artefact, tab, node)).toBeUndefined();
});
