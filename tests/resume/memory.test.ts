import { expect, test } from 'vitest';
import { resumeInMemory } from './memory.ts';

test('fifty workers killed in the middle of an answer: nothing is lost, nothing doubled', async () => {
  const report = await resumeInMemory({ kills: 50 });
  expect(report.complaints).toEqual([]);
  expect(report.kills).toBe(50);
  expect(report.checkpoints).toBeGreaterThan(0);
});
