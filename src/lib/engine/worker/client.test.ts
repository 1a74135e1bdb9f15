import { describe, expect, test } from 'vitest';
import { manualClock, runPending } from '#lib/base/clock.fixture.ts';
import { systemClock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { scriptedModel } from '../catalog/scripted.ts';
import { createScriptedEngine } from '../scripted.ts';
import type { Engine, EngineEvent, EngineRequest, LoadedModel } from '../spec.ts';
import { createWorkerEngine } from './client.ts';
import { serveEngine } from './host.ts';
import { memoryWorker, type MemoryWorker } from './memory.fixture.ts';
import { streamCredits } from './message.ts';
import type { HostPort } from './port.ts';

const info = { name: 'scripted', build: '', deviceClass: 'scripted' };
const model = scriptedModel(0);
const request: EngineRequest = {
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hello' }] },
  params: { maxTokens: 2_000, temperature: 0 },
};

/** An engine whose workers each run `serve`, with the list of workers spawned so far. */
function engineOver(serve: (port: HostPort) => void, clock = systemClock) {
  const workers: MemoryWorker[] = [];
  const engine = createWorkerEngine({
    info,
    clock,
    cancelGraceMs: 1_000,
    prefillGraceMs: 30_000,
    spawn: () => {
      const worker = memoryWorker(serve);
      workers.push(worker);
      return worker;
    },
  });
  return { engine, workers };
}

const scripted =
  (options: Partial<Parameters<typeof createScriptedEngine>[0]> = {}) =>
  (port: HostPort) =>
    serveEngine(port, createScriptedEngine({ clock: systemClock, answerTokens: 1_000, ...options }));

/** A worker script with hand-written replies. */
const byHand =
  (answer: (message: { type: string; id: number }, post: (reply: unknown) => void) => void) => (port: HostPort) => {
    port.addEventListener('message', ({ data }) => answer(data as { type: string; id: number }, port.postMessage));
  };

const loadedReply = (id: number) => ({
  type: 'loaded',
  id,
  model,
  info,
  contextTokens: 4_096,
  kinds: ['chat'],
  features: [],
  slots: 1,
});
const token = (id: number) => ({ type: 'event', id, event: { type: 'text-delta', text: 'a', tokens: 1 } });
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'nothing-thrown', errorCode);
const readAll = async (events: AsyncIterable<EngineEvent>) => {
  const all: EngineEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
};
const start = async (loaded: LoadedModel, signal?: AbortSignal) => {
  const stream = loaded.doStream(request, { signal })[Symbol.asyncIterator]();
  await stream.next();
  return stream;
};

describe('a worker’s lifecycle', () => {
  test('starts at the first load and ends with unload', async () => {
    const { engine, workers } = engineOver(scripted());
    expect(workers).toHaveLength(0);
    const loaded = await engine.load(model, {});
    expect(workers).toHaveLength(1);
    await loaded.unload();
    expect(workers[0]!.terminated).toBe(true);
  });

  test('ends at the next load, which starts a fresh worker', async () => {
    const { engine, workers } = engineOver(scripted());
    const first = await engine.load(model, {});
    await engine.load(model, {});
    expect(workers.map(({ terminated }) => terminated)).toEqual([true, false]);
    expect(await codeOf(readAll(first.doStream(request, {})))).toBe('engine-failed');
  });

  test('ends in a crash reported as device-lost, and the next load works', async () => {
    const { engine, workers } = engineOver(scripted());
    const loaded = await engine.load(model, {});
    const stream = await start(loaded);
    workers[0]!.crash({ message: 'out of memory' });
    expect(await codeOf(readAll({ [Symbol.asyncIterator]: () => stream }))).toBe('device-lost');
    expect(await codeOf(readAll(loaded.doStream(request, {})))).toBe('device-lost');
    expect(workers[0]!.terminated).toBe(true);
    const again = await engine.load(model, {});
    expect((await readAll(again.doStream(request, {}))).at(-1)).toMatchObject({ type: 'finish' });
  });

  test('ends when its engine reports a lost device', async () => {
    const { engine, workers } = engineOver(
      byHand(({ type, id }, post) => {
        if (type === 'load') post(loadedReply(id));
        if (type === 'stream') post({ type: 'failed', id, error: { code: 'device-lost', message: 'gone' } });
      }),
    );
    const loaded = await engine.load(model, {});
    expect(await codeOf(readAll(loaded.doStream(request, {})))).toBe('device-lost');
    expect(workers[0]!.terminated).toBe(true);
  });

  test('ends at the first invalid message', async () => {
    const { engine, workers } = engineOver(byHand(({ id }, post) => post({ type: 'loaded', id, slots: -1 })));
    expect(await codeOf(engine.load(model, {}))).toBe('bad-worker-message');
    expect(workers[0]!.terminated).toBe(true);
  });

  test('fails the load if the worker cannot be started', async () => {
    const engine = createWorkerEngine({
      info,
      clock: systemClock,
      spawn: () => {
        throw new Error('no workers here');
      },
    });
    expect(await codeOf(engine.load(model, {}))).toBe('load-failed');
  });

  test('aborts `lost` on the model if it crashes while idle', async () => {
    const { engine, workers } = engineOver(scripted());
    const loaded = await engine.load(model, {});
    expect(loaded.lost?.aborted).toBe(false);
    workers[0]!.crash({ message: 'out of memory' });
    expect(errorCode(loaded.lost?.reason)).toBe('device-lost');
    expect((await engine.load(model, {})).lost?.aborted).toBe(false);
  });

  test.each([['before'], ['after']])(
    'ends and aborts `lost` if its engine loses the device %s the model was loaded',
    async (when) => {
      const device = new AbortController();
      const lose = () =>
        device.abort(new TabloomError('device-lost', 'The GPU gave up.', { details: { reason: 'x' } }));
      const losing: Engine = {
        ...createScriptedEngine({ clock: systemClock }),
        async load(entry, options) {
          if (when === 'before') lose();
          const loaded = await createScriptedEngine({ clock: systemClock }).load(entry, options);
          return { ...loaded, lost: device.signal };
        },
      };
      const { engine, workers } = engineOver((port) => serveEngine(port, losing));
      const loaded = await engine.load(model, {});
      if (when === 'after') lose();
      await runPending();
      expect(loaded.lost?.reason).toMatchObject({
        code: 'device-lost',
        message: 'The GPU gave up.',
        details: { reason: 'x' },
      });
      expect(workers[0]!.terminated).toBe(true);
    },
  );

  test('does not abort `lost` when ended by its owner', async () => {
    const { engine } = engineOver(scripted());
    const replaced = await engine.load(model, {});
    const unloaded = await engine.load(model, {});
    await unloaded.unload();
    const closed = await engine.load(model, {});
    await engine.close();
    expect([replaced, unloaded, closed].map(({ lost }) => lost?.aborted)).toEqual([false, false, false]);
  });

  test('ends when the engine is closed, and nothing loads after that', async () => {
    const { engine, workers } = engineOver(scripted());
    await engine.load(model, {});
    await engine.close();
    await engine.close();
    expect(workers[0]!.terminated).toBe(true);
    expect(await codeOf(engine.load(model, {}))).toBe('engine-failed');
  });
});

describe('cancelling', () => {
  test('a cancelled load that cooperates leaves nothing running', async () => {
    const controller = new AbortController();
    const { engine, workers } = engineOver(scripted({ loadMs: 60_000 }));
    const loading = engine.load(model, { signal: controller.signal });
    controller.abort();
    expect(await codeOf(loading)).toBe('aborted');
    expect(workers[0]!.terminated).toBe(true);
  });

  test('a cancelled load reports no more progress', async () => {
    const controller = new AbortController();
    const step = (phase: string) => ({ phase, loadedBytes: 1, totalBytes: 1, elapsedMs: 0, fromCache: true });
    const { engine } = engineOver(
      byHand(({ type, id }, post) => {
        if (type !== 'load') return;
        post({ type: 'progress', id, progress: step('compile') });
        post({ type: 'progress', id, progress: step('ready') });
        post(loadedReply(id));
      }),
    );
    const heard: string[] = [];
    const loading = engine.load(model, {
      signal: controller.signal,
      onProgress: ({ phase }) => {
        heard.push(phase);
        controller.abort();
      },
    });
    expect(await codeOf(loading)).toBe('aborted');
    expect(heard).toEqual(['compile']);
  });

  test('a load that ignores cancellation is terminated after the grace period', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const { engine, workers } = engineOver(() => undefined, clock);
    const loading = codeOf(engine.load(model, { signal: controller.signal }));
    controller.abort();
    await clock.advance(999);
    expect(workers[0]!.terminated).toBe(false);
    await clock.advance(1);
    expect(workers[0]!.terminated).toBe(true);
    expect(await loading).toBe('aborted');
  });

  test('a stream that ignores cancellation is terminated after the grace period', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const { engine, workers } = engineOver(
      byHand(({ type, id }, post) => {
        if (type === 'load') post(loadedReply(id));
        if (type === 'stream') post(token(id));
      }),
      clock,
    );
    const loaded = await engine.load(model, {});
    const stream = await start(loaded, controller.signal);
    const next = codeOf(stream.next());
    controller.abort();
    await clock.advance(1_000);
    expect(await next).toBe('aborted');
    expect(workers[0]!.terminated).toBe(true);
    expect(errorCode(loaded.lost?.reason)).toBe('device-lost');
  });

  /** A stream that stays in prefill until released, even if cancelled. */
  const reading = async () => {
    const clock = manualClock();
    let answer: (reply: 'token' | 'stopped') => void = () => undefined;
    const { engine, workers } = engineOver(
      byHand(({ type, id }, post) => {
        if (type === 'load') post(loadedReply(id));
        if (type !== 'stream') return;
        const stopped = { type: 'failed', id, error: { code: 'aborted', message: 'stopped' } };
        answer = (reply) => post(reply === 'token' ? token(id) : stopped);
      }),
      clock,
    );
    const loaded = await engine.load(model, {});
    const controller = new AbortController();
    const next = codeOf(loaded.doStream(request, { signal: controller.signal })[Symbol.asyncIterator]().next());
    await clock.advance(0);
    controller.abort();
    await clock.advance(29_999);
    expect(workers[0]!.terminated).toBe(false);
    return { clock, next, loaded, worker: workers[0]!, answer: (reply: 'token' | 'stopped') => answer(reply) };
  };

  test('a stream cancelled during prefill keeps the model', async () => {
    const { clock, next, loaded, worker, answer } = await reading();
    answer('stopped');
    expect(await next).toBe('aborted');
    await clock.advance(60_000);
    expect(worker.terminated).toBe(false);
    expect(loaded.lost?.aborted).toBe(false);
  });

  test('a stream that never finishes prefill is terminated after the longer grace period', async () => {
    const { clock, next, worker } = await reading();
    await clock.advance(1);
    expect(worker.terminated).toBe(true);
    expect(await next).toBe('aborted');
  });

  test('a cancelled stream that starts answering gets the shorter grace period from there', async () => {
    const { clock, next, worker, answer } = await reading();
    answer('token');
    await clock.advance(999);
    expect(worker.terminated).toBe(false);
    await clock.advance(1);
    expect(worker.terminated).toBe(true);
    expect(await next).toBe('aborted');
  });
});

describe('messages', () => {
  test('run at most one window ahead of the reader', async () => {
    let made = 0;
    const counting: Engine = {
      info,
      async load() {
        return {
          model,
          engine: info,
          contextTokens: 4_096,
          kinds: ['chat'],
          features: [],
          slots: 1,
          async *doStream() {
            for (; made < 5_000; made++) yield { type: 'text-delta', text: 'a', tokens: 1 };
          },
          unload: async () => undefined,
        };
      },
      close: async () => undefined,
    };
    const { engine } = engineOver((port) => serveEngine(port, counting));
    const stream = await start(await engine.load(model, {}));
    await runPending();
    expect(made).toBeLessThanOrEqual(streamCredits + 1);
    for (let read = 0; read < streamCredits; read++) await stream.next();
    await runPending();
    expect(made).toBeGreaterThan(streamCredits + 1);
    expect(made).toBeLessThanOrEqual(2 * streamCredits + 1);
    await stream.return?.();
  });

  test('beyond the window end the worker', async () => {
    const { engine, workers } = engineOver(
      byHand(({ type, id }, post) => {
        if (type === 'load') post(loadedReply(id));
        if (type === 'stream') for (let sent = 0; sent < 2 * streamCredits; sent++) post(token(id));
      }),
    );
    const loaded = await engine.load(model, {});
    expect(await codeOf(readAll(loaded.doStream(request, {})))).toBe('engine-failed');
    expect(workers[0]!.terminated).toBe(true);
  });

  test('with unknown ids are ignored', async () => {
    const { engine } = engineOver(
      byHand(({ type, id }, post) => {
        if (type !== 'load') return;
        post(token(77));
        post({ type: 'done', id: 78 });
        post(loadedReply(id));
      }),
    );
    expect((await engine.load(model, {})).slots).toBe(1);
  });

  test('the host cannot parse are answered by id and end nothing', async () => {
    const replies: unknown[] = [];
    let toHost: (event: { readonly data: unknown }) => void = () => undefined;
    serveEngine(
      {
        postMessage: (message) => replies.push(message),
        addEventListener: (_, listener) => {
          toHost = listener;
        },
      },
      createScriptedEngine({ clock: systemClock }),
    );
    for (const data of [
      undefined,
      null,
      'load',
      { type: 'load' },
      { type: 'stream', id: 3 },
      { type: 'more', id: 9, credits: 1 },
    ]) {
      toHost({ data });
    }
    toHost({ data: { type: 'stream', id: 4, request, credits: 1 } });
    await runPending();
    expect(replies).toMatchObject([
      { type: 'ready' },
      { type: 'failed', id: 3, error: { code: 'bad-worker-message' } },
      { type: 'failed', id: 4, error: { code: 'engine-failed' } },
    ]);
  });

  test('carry calls, log-probabilities, reasoning and vectors unchanged', async () => {
    const { engine } = engineOver(scripted({ answerTokens: 20 }));
    const behind = await engine.load(model, {});
    const plain = await createScriptedEngine({ clock: systemClock, answerTokens: 20 }).load(model, {});
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    const params = { maxTokens: 60, temperature: 0, logprobs: 2 };
    const tools = [{ name: 'now', parameters: '{"type":"object","properties":{"zone":{"type":"string"}}}' }];
    const requests: EngineRequest[] = [
      { kind: 'chat', input: { messages, tools }, params: { ...params, toolChoice: { type: 'required' } } },
      { kind: 'chat', input: { messages }, params: { ...params, responseFormat: { type: 'json-object' } } },
      { kind: 'chat', input: { messages }, params: { ...params, reasoningEffort: 'low', topK: 4 } },
      { kind: 'embedding', input: { texts: ['a', 'b'] }, params: {} },
    ];
    const types = new Set<string>();
    for (const one of requests) {
      const [events, expected] = [await readAll(behind.doStream(one, {})), await readAll(plain.doStream(one, {}))];
      expect(events.slice(0, -1)).toEqual(expected.slice(0, -1));
      expect(events.at(-1)).toMatchObject({ ...expected.at(-1), timings: expect.anything() });
      for (const { type } of events) types.add(type);
    }
    const all = ['tool-call-delta', 'logprobs', 'text-delta', 'reasoning-delta', 'warning', 'embedding', 'finish'];
    expect([...types].sort()).toEqual(all.sort());
  });

  test('carry the engine’s errors with their codes', async () => {
    const { engine } = engineOver(scripted({ failLoad: 'quota-exceeded', loadMs: 1 }));
    const error: unknown = await engine.load(model, {}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TabloomError);
    expect(errorCode(error)).toBe('quota-exceeded');
  });
});

describe('scoring', () => {
  const scores = [{ logprob: -2, best: -0.5, end: -9 }];
  const scoring = (score: NonNullable<LoadedModel['score']>) =>
    engineOver((port) =>
      serveEngine(port, {
        ...createScriptedEngine({ clock: systemClock }),
        async load(entry, options) {
          return { ...(await createScriptedEngine({ clock: systemClock }).load(entry, options)), score };
        },
      }),
    );

  test('crosses to the worker and back', async () => {
    const asked: unknown[] = [];
    const loaded = await scoring(async (given) => (asked.push(given), scores)).engine.load(model, {});
    const given = {
      prompt: request,
      answer: [4],
      text: 'a',
      ending: 'stop',
      distribution: { temperature: 1 },
    } as const;
    expect(await loaded.score!(given as never, {})).toEqual(scores);
    expect(asked).toMatchObject([given]);
  });

  test('is absent where the engine cannot', async () => {
    expect((await engineOver(scripted()).engine.load(model, {})).score).toBeUndefined();
  });

  test('fails with the worker’s own code, and ends when it is aborted', async () => {
    const refusing = await scoring(async () => {
      throw new TabloomError('score-unsupported', 'It cannot tell.');
    }).engine.load(model, {});
    expect(await codeOf(refusing.score!({ prompt: [1], answer: [2] }, {}))).toBe('score-unsupported');
    const { engine, workers } = scoring(
      (_given, { signal }) =>
        new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error))),
    );
    const loaded = await engine.load(model, {});
    const controller = new AbortController();
    const result = codeOf(loaded.score!({ prompt: [1], answer: [2] }, { signal: controller.signal }));
    await runPending();
    controller.abort();
    expect(await result).toBe('aborted');
    expect(workers[0]!.terminated).toBe(false);
  });

  test('scores that are no logarithms end the worker', async () => {
    const { engine, workers } = engineOver(
      byHand(({ type, id }, post) => {
        if (type === 'load') post({ ...loadedReply(id), canScore: true });
        if (type === 'score') post({ type: 'scored', id, scores: [{ logprob: 1, best: 0 }] });
      }),
    );
    const loaded = await engine.load(model, {});
    expect(await codeOf(loaded.score!({ prompt: [1], answer: [2] }, {}))).toBe('bad-worker-message');
    expect(workers[0]!.terminated).toBe(true);
  });
});
