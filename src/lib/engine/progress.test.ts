import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createProgressMeter } from './progress.ts';
import type { LoadProgress } from './spec.ts';

test('progress reports bytes, elapsed time and an estimate of the remaining time', async () => {
  const clock = manualClock();
  const steps: LoadProgress[] = [];
  const report = createProgressMeter(clock, (step) => steps.push(step));
  const at = (loadedBytes: number) => report({ phase: 'download', loadedBytes, totalBytes: 1_000, fromCache: false });
  at(0);
  await clock.advance(100);
  at(250);
  expect(steps.map(({ loadedBytes, elapsedMs, remainingMs }) => ({ loadedBytes, elapsedMs, remainingMs }))).toEqual([
    { loadedBytes: 0, elapsedMs: 0, remainingMs: undefined },
    { loadedBytes: 250, elapsedMs: 100, remainingMs: 300 },
  ]);
});

test('a fast download is reported in limited steps, and its end always', () => {
  const steps: LoadProgress[] = [];
  const report = createProgressMeter(manualClock(), (step) => steps.push(step));
  for (let loadedBytes = 0; loadedBytes <= 100_000; loadedBytes += 10) {
    report({ phase: 'download', loadedBytes, totalBytes: 100_000, fromCache: false });
  }
  expect(steps.length).toBeLessThan(70);
  expect(steps.length).toBeGreaterThan(32);
  expect(steps.at(-1)!.loadedBytes).toBe(100_000);
});

test('a new phase is reported immediately', () => {
  const steps: LoadProgress[] = [];
  const report = createProgressMeter(manualClock(), (step) => steps.push(step));
  report({ phase: 'download', loadedBytes: 5, totalBytes: 1_000, fromCache: false });
  report({ phase: 'verify', loadedBytes: 5, totalBytes: 1_000, fromCache: false });
  expect(steps.map(({ phase }) => phase)).toEqual(['download', 'verify']);
});
