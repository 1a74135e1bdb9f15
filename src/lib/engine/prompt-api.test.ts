import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { browserModel, createPromptApiEngine, findLanguageModel, type LanguageModelApi } from './prompt-api.ts';
import type { EngineEvent, EngineRequest } from './spec.ts';

/** A stub of the documented interface, and no browser's model: it says what it is told to. */
function stub(says: readonly string[], change: Partial<LanguageModelApi> = {}) {
  const asked: unknown[] = [];
  const sessions = { made: 0, destroyed: 0 };
  const api: LanguageModelApi = {
    availability: async () => 'available',
    async create({ initialPrompts, monitor, signal }) {
      signal?.throwIfAborted();
      sessions.made += 1;
      const events = new EventTarget();
      monitor?.(events);
      events.dispatchEvent(new Event('downloadprogress'));
      return {
        inputQuota: 100,
        async *promptStreaming(text, options) {
          asked.push([...(initialPrompts ?? []), { role: 'user', content: text }]);
          for (const piece of says) {
            options.signal.throwIfAborted();
            yield piece;
          }
        },
        destroy: () => void (sessions.destroyed += 1),
      };
    },
    ...change,
  };
  return { api, asked, sessions, engine: createPromptApiEngine(api, manualClock()) };
}

const request = (maxTokens = 50, params: object = {}): EngineRequest =>
  ({
    kind: 'chat',
    input: {
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello.' },
        { role: 'user', content: 'Who?' },
      ],
    },
    params: { maxTokens, ...params },
  }) as EngineRequest;

async function read(stream: AsyncIterable<EngineEvent>) {
  const events: EngineEvent[] = [];
  for await (const event of stream) events.push(event);
  const text = events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
  return { events, text, end: events.at(-1) };
}

test('the conversation goes to a session of its own, which ends with the answer', async () => {
  const { engine, asked, sessions } = stub(['I am ', 'a model.']);
  const phases: string[] = [];
  const model = await engine.load(browserModel, { onProgress: ({ phase }) => phases.push(phase) });
  expect([phases, model.contextTokens, model.features]).toEqual([['download', 'download', 'ready'], 100, []]);
  const { text, end } = await read(model.doStream(request(), {}));
  expect(text).toBe('I am a model.');
  expect(end).toMatchObject({ type: 'finish', reason: 'stop' });
  expect(asked).toEqual([
    [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello.' },
      { role: 'user', content: 'Who?' },
    ],
  ]);
  expect(sessions).toEqual({ made: 2, destroyed: 1 });
  await engine.close();
  expect(sessions.destroyed).toBe(2);
});

test('it ends at the limit and at a stop sequence, and stops when it is stopped', async () => {
  const { engine, sessions } = stub(['one ', 'two ', 'three ', 'four ']);
  const model = await engine.load(browserModel, {});
  expect(await read(model.doStream(request(2), {}))).toMatchObject({ text: 'one two ', end: { reason: 'length' } });
  expect(await read(model.doStream(request(50, { stop: ['three'] }), {}))).toMatchObject({
    text: 'one two ',
    end: { reason: 'stop' },
  });
  const stop = new AbortController();
  const stopped = (async () => {
    for await (const event of model.doStream(request(), { signal: stop.signal }))
      if (event.type === 'text-delta') stop.abort();
  })();
  await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
  expect(sessions).toEqual({ made: 4, destroyed: 3 });
});

test('what it cannot do, or does not offer, is refused by its code', async () => {
  const gone = stub([], { availability: async () => 'unavailable' });
  await expect(gone.engine.load(browserModel, {})).rejects.toMatchObject({ code: 'model-unknown' });
  await expect(stub([]).engine.load({ ...browserModel, source: { kind: 'scripted' } }, {})).rejects.toMatchObject({
    code: 'model-unknown',
  });
  await expect(stub([]).engine.load(browserModel, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'aborted',
  });
  const model = await stub(['x']).engine.load(browserModel, {});
  const refused = (asked: EngineRequest) => read(model.doStream(asked, {}));
  const long = { ...request(), input: { messages: [{ role: 'user', content: 'x'.repeat(5_000) }] } } as EngineRequest;
  await expect(refused(long)).rejects.toMatchObject({ code: 'too-long' });
  const resumed = { ...request(), resume: { text: 'a', tokens: 1 } } as EngineRequest;
  await expect(refused(resumed)).rejects.toMatchObject({ code: 'resume-unsupported' });
  const withTools = { ...request(), input: { messages: [{ role: 'user', content: 'x' }], tools: [{ name: 'clock' }] } };
  await expect(refused(withTools as EngineRequest)).rejects.toMatchObject({ code: 'feature-unavailable' });
});

test('what its browser throws becomes a coded error', async () => {
  const throwing = (error: Error) =>
    stub([], {
      create: async () => ({
        // oxlint-disable-next-line require-yield
        async *promptStreaming() {
          throw error;
        },
        destroy: () => undefined,
      }),
    });
  const full = Object.assign(new Error(''), { name: 'QuotaExceededError' });
  for (const [error, code] of [
    [full, 'too-long'],
    [new Error('x'), 'engine-failed'],
  ] as const) {
    const model = await throwing(error).engine.load(browserModel, {});
    await expect(read(model.doStream(request(), {}))).rejects.toMatchObject({ code });
  }
});

test('it is found where the browser has it', () => {
  expect(findLanguageModel({})).toBeUndefined();
  expect(findLanguageModel({ LanguageModel: {} })).toBeUndefined();
  const { api } = stub([]);
  expect(findLanguageModel({ LanguageModel: api })).toBe(api);
});
