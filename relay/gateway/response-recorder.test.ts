import { expect, test } from 'vitest';
import { gettersOf } from '#lib/base/getters.fixture.ts';
import { createResponseRecorder } from './response-recorder.ts';

test('what a keyed request makes has no getters, and tells of its end', async () => {
  const recorder = createResponseRecorder(async function* () {});
  expect(gettersOf(recorder)).toEqual([]);
  expect([recorder.ended(), recorder.abandoned(), recorder.sizeBytes()]).toEqual([false, false, 0]);
  await recorder.lastEvent;
  expect([recorder.ended(), recorder.abandoned()]).toEqual([true, false]);
});

test('a run whose last reader leaves early is abandoned', async () => {
  const stopped = Promise.withResolvers<void>();
  const recorder = createResponseRecorder(async function* (stop) {
    stop.addEventListener('abort', () => stopped.resolve());
    await stopped.promise;
    yield* [];
  });
  const left = new AbortController();
  const reading = recorder.follow(left.signal)[Symbol.asyncIterator]().next();
  left.abort();
  await reading.catch(() => undefined);
  expect(recorder.abandoned()).toBe(true);
  await recorder.lastEvent;
});
