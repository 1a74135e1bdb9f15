import { expect, test } from 'vitest';
import type { ProgressMeter } from '#lib/engine/progress.ts';
import { createLoadReport } from './load-report.ts';

// WebLLM's reports, in this order.
const reports = [
  { progress: 0, text: 'Start to fetch params' },
  { progress: 0.5, text: 'Loading model from cache[5/9]: 147MB loaded. 50% completed, 1 secs elapsed.' },
  { progress: 0.1, text: 'Loading GPU shader modules[9/87]: 10% completed, 2 secs elapsed.' },
  { progress: 1, text: 'Finish loading on WebGPU - nvidia' },
];

function report(file: { readonly fromCache: boolean }) {
  const steps: Parameters<ProgressMeter>[0][] = [];
  const load = createLoadReport((step) => steps.push(step), 0);
  load.files({ phase: file.fromCache ? 'cache' : 'download', loadedBytes: 200, totalBytes: 200, ...file });
  for (const step of reports) load.start(step);
  load.ready();
  return steps;
}

test('the start is one step from 0 to 1', () => {
  const steps = report({ fromCache: false }).filter(({ phase }) => phase === 'compile');
  expect(steps.map(({ loadedBytes }) => loadedBytes)).toEqual([0, 50, 110, 200]);
});

test('a model of unknown size takes the size and origin of its files', () => {
  const whole = { phase: 'ready', loadedBytes: 200, totalBytes: 200 };
  expect(report({ fromCache: false }).at(-1)).toEqual({ ...whole, fromCache: false });
  expect(report({ fromCache: true }).at(-1)).toEqual({ ...whole, fromCache: true });
});
