import { describe, expect, test } from 'vitest';
import { manualClock, type ManualClock } from '#lib/base/clock.fixture.ts';
import { errorCode } from '#lib/base/errors.ts';
import { scriptedModel } from '../catalog/scripted.ts';
import { runBenchmark } from '../run-benchmark.ts';
import { createScriptedEngine } from '../scripted.ts';
import type { EngineEvent, EngineRequest, LoadedModel } from '../spec.ts';
import { limit } from './limit.ts';
import { meter } from './meter.ts';

const ask = (content: string, maxTokens = 20): EngineRequest => ({
  kind: 'chat',
  input: { messages: [{ role: 'user', content }] },
  params: { maxTokens, temperature: 0 },
});

const load = (clock: ManualClock, tokensPerSecond: number) =>
  createScriptedEngine({ clock, answerTokens: 40 }).load(scriptedModel(tokensPerSecond), {});

/** Reads an answer while the clock advances in steps of 10 ms. */
async function read(clock: ManualClock, model: LoadedModel, request: EngineRequest) {
  const events: EngineEvent[] = [];
  let done = false;
  const reading = (async () => {
    for await (const event of model.doStream(request, {})) events.push(event);
    return 'ok';
  })()
    .catch(errorCode)
    .finally(() => {
      done = true;
    });
  for (let step = 0; step < 2_000 && !done; step++) await clock.advance(10);
  return { code: await reading, events };
}

describe('the meter', () => {
  test('measures the rate of finished answers and counts failed ones', async () => {
    const clock = manualClock();
    const model = meter(await load(clock, 100));
    expect(model.measured).toBeUndefined();
    await read(clock, model, ask('Hello'));
    expect(model.measured?.decodeTps).toBeCloseTo(100, 0);
    expect(model.counts).toMatchObject({ started: 1, finished: 1, failed: 0, tokensOut: 20 });
    await read(clock, model, ask('word '.repeat(9_000)));
    expect(model.counts).toMatchObject({ started: 2, finished: 1, failed: 1 });
    expect(model.measured?.decodeTps).toBeCloseTo(100, 0);
  });

  test('ignores answers too short to measure', async () => {
    const clock = manualClock();
    const model = meter(await load(clock, 100), { initial: { decodeTps: 7, prefillTps: 8, ttftMs: 9 } });
    await read(clock, model, ask('Hello', 2));
    expect(model.measured).toEqual({ decodeTps: 7, prefillTps: 8, ttftMs: 9 });
  });

  test('agrees with the start-up benchmark', async () => {
    const clock = manualClock();
    const model = await load(clock, 100);
    const measuring = runBenchmark(model);
    for (let step = 0; step < 200; step++) await clock.advance(10);
    expect((await measuring)?.decodeTps).toBeCloseTo(100, 0);
  });
});

describe('tool calls and reasoning', () => {
  const tools = [{ name: 'now' }];
  const params = { maxTokens: 60, temperature: 0 };
  const input = { messages: [{ role: 'user' as const, content: 'Hello' }] };
  const calling: EngineRequest = {
    kind: 'chat',
    input: { ...input, tools },
    params: { ...params, toolChoice: { type: 'required' } },
  };
  const thinking: EngineRequest = { kind: 'chat', input, params: { ...params, reasoningEffort: 'low' } };

  test('are counted and throttled like text', async () => {
    for (const request of [calling, thinking]) {
      const clock = manualClock();
      const metered = meter(await load(clock, 0));
      const startedMs = clock.elapsed();
      const { events } = await read(clock, limit(metered, { tokensPerSecond: 10 }, { clock }), request);
      const finish = events.at(-1);
      const tokensOut = finish?.type === 'finish' ? finish.usage.tokensOut : 0;
      expect(tokensOut).toBeGreaterThan(10);
      expect(metered.counts.tokensOut).toBe(tokensOut);
      expect(clock.elapsed() - startedMs).toBeGreaterThanOrEqual((tokensOut - 4) * 100);
    }
  });
});

describe('the limits', () => {
  test('cut off an answer with a warning', async () => {
    const clock = manualClock();
    const { events } = await read(clock, limit(await load(clock, 0), { maxTokens: 5 }, { clock }), ask('Hello'));
    expect(events[0]).toMatchObject({ type: 'warning', code: 'max-tokens-lowered' });
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'length', usage: { tokensOut: 5 } });
  });

  test('refuse a long prompt before the engine sees it', async () => {
    const clock = manualClock();
    const inner = meter(await load(clock, 0));
    const model = limit(inner, { promptCharacters: 10 }, { clock });
    expect((await read(clock, model, ask('Hello world'))).code).toBe('too-long');
    expect(inner.counts.started).toBe(0);
    expect((await read(clock, model, ask('Hello'))).code).toBe('ok');
  });

  test('refuse answers beyond the limit per minute and accept them again later', async () => {
    const clock = manualClock();
    const model = limit(await load(clock, 0), { answersPerMinute: 2 }, { clock });
    const codes = [];
    for (let i = 0; i < 3; i++) codes.push((await read(clock, model, ask('Hello'))).code);
    expect(codes).toEqual(['ok', 'ok', 'busy']);
    await clock.advance(60_000);
    expect((await read(clock, model, ask('Hello'))).code).toBe('ok');
  });

  test('throttle the engine', async () => {
    const clock = manualClock();
    const model = limit(await load(clock, 0), { tokensPerSecond: 10 }, { clock });
    const startedMs = clock.elapsed();
    await read(clock, model, ask('Hello', 21));
    expect(clock.elapsed() - startedMs).toBeGreaterThanOrEqual(2_000);
    expect(clock.elapsed() - startedMs).toBeLessThan(2_100);
  });

  test('change nothing if none are set', async () => {
    const clock = manualClock();
    const plain = await load(clock, 0);
    const { events } = await read(clock, limit(plain, {}, { clock }), ask('Hello'));
    const without = await read(clock, plain, ask('Hello'));
    expect(events.slice(0, -1)).toEqual(without.events.slice(0, -1));
    expect(events).toHaveLength(21);
  });
});
