import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { createWorkSums } from './work-sums.ts';

test('what is refused counts in all, and of a model only while it is served', () => {
  const work = createWorkSums((artefact) => artefact === 'served');
  work.refused('served');
  work.refused('unheard of');
  expect([work.total.jobsRefused, work.of('served').jobsRefused, work.of('unheard of').jobsRefused]).toEqual([2, 1, 0]);
});

test('of many models over time the oldest that is not served any more is forgotten, and the sum of all stays', () => {
  const work = createWorkSums((artefact) => artefact === 'model 0');
  const models = Array.from({ length: 2 * limits.offerModelsMax + 1 }, (_, at) => `model ${at}`);
  for (const model of models) work.writing(model)(3);
  expect(models.filter((model) => work.of(model).tokensOut === 0)).toEqual(['model 1']);
  expect(work.total.tokensOut).toBe(3 * models.length);
});

test('a job that failed has kept the engine busy, and counts as no answer', () => {
  const work = createWorkSums(() => true);
  work.ended('a', { type: 'failed', error: { code: 'internal', message: 'No.' }, busyMs: 7 });
  expect(work.of('a')).toMatchObject({ jobsFailed: 1, jobsDone: 0, busyMs: 7, tokensIn: 0 });
});
