import { expect, test } from 'vitest';
import { manualClock, type ManualClock } from '#lib/base/clock.fixture.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { EngineEvent, EngineRequest, LoadedModel } from '#lib/engine/spec.ts';
import { benchmark } from './benchmark.ts';

/** An engine that reads a prompt in one piece and cannot be interrupted while it does. */
function slowReader(clock: ManualClock, { readMs, tokenMs }: { readonly readMs: number; readonly tokenMs: number }) {
  const seen = { begun: 0, ended: 0, interrupted: 0 };
  async function* doStream(request: EngineRequest): AsyncGenerator<EngineEvent> {
    const { maxTokens } = request.params as { readonly maxTokens: number };
    seen.begun += 1;
    let reading = true;
    try {
      await clock.delay(readMs);
      reading = false;
      for (let i = 0; i < maxTokens; i++) {
        yield { type: 'text-delta', text: 'a', tokens: 1 };
        await clock.delay(tokenMs);
      }
      const usage = { tokensIn: 40, tokensOut: maxTokens };
      yield { type: 'finish', reason: 'length', usage, timings: { ttftMs: readMs, decodeMs: 1 } };
    } finally {
      seen.ended += 1;
      if (reading) seen.interrupted += 1;
    }
  }
  return { seen, model: { doStream } as unknown as LoadedModel };
}

async function settle<T>(clock: ManualClock, running: Promise<T>, ms: number): Promise<T> {
  await clock.advance(ms);
  return running;
}

test('a model is measured by an answer that counts, after one that does not', async () => {
  const clock = manualClock();
  const { model, seen } = slowReader(clock, { readMs: 200, tokenMs: 10 });
  const running = benchmark(model, { clock }, { signal: new AbortController().signal });
  expect(await settle(clock, running, 3_000)).toEqual({
    kind: 'measured',
    measured: { ttftMs: 200, prefillTps: 200, decodeTps: expect.closeTo(100, -1) },
  });
  expect(seen).toEqual({ begun: 2, ended: 2, interrupted: 0 });
});

test('D14: a first word after 60 s is too slow, and the engine is left to end by itself', async () => {
  const clock = manualClock();
  const { model, seen } = slowReader(clock, { readMs: 60_000, tokenMs: 1_000 });
  const running = benchmark(model, { clock }, { signal: new AbortController().signal });
  expect(await settle(clock, running, 20_000)).toMatchObject({ kind: 'too-slow', error: { code: 'too-slow' } });
  expect(seen).toEqual({ begun: 1, ended: 0, interrupted: 0 });
  await clock.advance(50_000);
  expect(seen).toEqual({ begun: 1, ended: 1, interrupted: 0 });
});

test('D14: one slow within the patience is measured, so that askers wait for it', async () => {
  const clock = manualClock();
  const { model, seen } = slowReader(clock, { readMs: 15_000, tokenMs: 400 });
  const running = benchmark(model, { clock }, { signal: new AbortController().signal });
  expect(await settle(clock, running, 120_000)).toMatchObject({
    kind: 'measured',
    measured: { ttftMs: 15_000, decodeTps: expect.closeTo(2.5, 0) },
  });
  expect(seen.interrupted).toBe(0);
});

test('D9, D14: a stop ends it at once, and what the engine reads is not interrupted', async () => {
  const clock = manualClock();
  const { model, seen } = slowReader(clock, { readMs: 5_000, tokenMs: 10 });
  const stop = new AbortController();
  const running = benchmark(model, { clock }, { signal: stop.signal });
  await clock.advance(1_000);
  stop.abort();
  await expect(running).rejects.toMatchObject({ code: 'aborted' });
  expect(seen).toEqual({ begun: 1, ended: 0, interrupted: 0 });
  await clock.advance(10_000);
  expect(seen).toEqual({ begun: 1, ended: 1, interrupted: 0 });
});

test('an engine that fails says why', async () => {
  const clock = manualClock();
  const next = () => Promise.reject(new TabloomError('device-lost', 'Gone.'));
  const doStream = () => ({ [Symbol.asyncIterator]: () => ({ next }) });
  const model = { doStream } as unknown as LoadedModel;
  const running = benchmark(model, { clock }, { signal: new AbortController().signal });
  await expect(running).rejects.toMatchObject({ code: 'device-lost' });
});
