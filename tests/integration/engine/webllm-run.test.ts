import { describe, expect, test } from 'vitest';
import { throwIfAborted } from '#lib/base/abort.ts';
import { systemClock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { textRequest } from '#lib/engine/answer.ts';
import { findModel } from '#lib/engine/catalog.ts';
import { renderMlc } from '#lib/engine/mlc-prompt.ts';
import { createSlots } from '#lib/engine/slots.ts';
import type { Engine, EngineEvent, EngineRequest, LoadedModel } from '#lib/engine/spec.ts';
import { runWebllm } from '../../../workers/webllm/run.ts';
import { engineCases, type EngineSubject } from '../../compliance/engine.ts';
import { mlcDouble, template } from './mlc-double.ts';

const model = findModel('qwen2.5-0.5b-q4f32_1');
const info = { name: 'webllm', build: 'double', deviceClass: 'webgpu-software' };
const contextTokens = 256;
const features = ['seed', 'resume-text'] as const;

/** The answering half of the WebLLM engine over a double of WebLLM; its loading half is tried in Chromium. */
function loadedOver(
  double: ReturnType<typeof mlcDouble>,
  more: { thinking?: 'off'; deviceLost?: AbortSignal; template?: 'unknown' } = {},
): LoadedModel {
  const slots = createSlots(1, (request, signal) =>
    runWebllm(textRequest(request, features), {
      engine: double.engine,
      clock: systemClock,
      contextTokens,
      template: more.template === 'unknown' ? undefined : template,
      thinking: more.thinking ?? 'as-trained',
      signal,
      deviceLost: more.deviceLost ?? new AbortController().signal,
    }),
  );
  return {
    model,
    engine: info,
    contextTokens,
    kinds: ['chat', 'completion'],
    features,
    slots: 1,
    doStream: slots.doStream,
    unload: slots.close,
  };
}

const createEngine = (): Engine => {
  const loaded = loadedOver(mlcDouble({ contextTokens }));
  return {
    info,
    async load(wanted, { signal, onProgress }) {
      throwIfAborted(signal);
      if (wanted.source.kind !== 'mlc') throw new TabloomError('model-unknown', 'No build of it.');
      onProgress?.({ phase: 'ready', loadedBytes: 0, totalBytes: 0, elapsedMs: 0, fromCache: true });
      return loaded;
    },
    close: () => loaded.unload(),
  };
};

const subject: EngineSubject = {
  createEngine,
  model,
  bad: { model: findModel('tabloom-demo'), code: 'model-unknown' },
  resume: 'exact',
  context: 'counted',
  kinds: ['chat', 'completion'],
};

describe('answering with WebLLM keeps the engine contract', () => {
  for (const { name, run } of engineCases) test(name, () => run(subject));
});

const ask = (more: Partial<EngineRequest> = {}): EngineRequest =>
  ({
    kind: 'chat',
    input: { messages: [{ role: 'user', content: 'Hello' }] },
    params: { maxTokens: 20, temperature: 0 },
    ...more,
  }) as EngineRequest;

async function read(loaded: LoadedModel, request: EngineRequest) {
  const events: EngineEvent[] = [];
  for await (const event of loaded.doStream(request, {})) events.push(event);
  return events;
}
const textOf = (events: readonly EngineEvent[]) =>
  events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');

describe('with WebLLM', () => {
  test('leaving interrupts at once: no token is decoded after it', async () => {
    const double = mlcDouble({ contextTokens });
    const loaded = loadedOver(double);
    for await (const event of loaded.doStream(ask(), {})) if (event.type === 'text-delta') break;
    expect(double.seen.interrupts).toBeGreaterThan(0);
    expect(double.seen.decodedAfterInterrupt).toBe(0);
  });

  test('a resumed chat is a raw completion on the same prompt', async () => {
    const double = mlcDouble({ contextTokens });
    const loaded = loadedOver(double);
    await read(loaded, ask());
    await read(loaded, ask({ resume: { text: 'the', tokens: 1 } }));
    expect(double.seen.prompts[1]).toBe(`${double.seen.prompts[0]}the`);
  });

  test.each([{}, { template: 'unknown' as const }])(
    'a second turn is read whole, as anybody else would read it: %o',
    async (how) => {
      const double = mlcDouble({ contextTokens });
      const loaded = loadedOver(double, how);
      const first = textOf(await read(loaded, ask()));
      const messages = [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: first },
        { role: 'user', content: 'And now?' },
      ] as const;
      await read(loaded, ask({ input: { messages } } as unknown as Partial<EngineRequest>));
      expect(double.seen.prompts[1]).toBe(renderMlc(messages, template, { answerPrefix: '' }));
    },
  );

  test('the token that ends an answer is not counted', async () => {
    const events = await read(
      loadedOver(mlcDouble({ contextTokens })),
      ask({ params: { maxTokens: 200, temperature: 0 } }),
    );
    const seen = events.reduce((sum, event) => sum + (event.type === 'text-delta' ? event.tokens : 0), 0);
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop', usage: { tokensOut: seen } });
    expect(events.filter((event) => event.type === 'text-delta' && event.text === '')).toEqual([]);
  });

  test.each([{}, { template: 'unknown' as const }])(
    'calls of functions and what they gave are refused, not left out: %o',
    async (how) => {
      const toolCalls = [{ id: 'a', name: 'now', arguments: '{}' }];
      for (const message of [
        { role: 'tool', content: '5' },
        { role: 'assistant', content: '', toolCalls },
      ]) {
        const loaded = loadedOver(mlcDouble({ contextTokens }), how);
        const asked = ask({ input: { messages: [message] } } as Partial<EngineRequest>);
        expect(await read(loaded, asked).catch(errorCode)).toBe('feature-unavailable');
      }
    },
  );

  test('an order of roles that WebLLM does not write is the asker’s to mend', async () => {
    const double = mlcDouble({ contextTokens });
    double.engine.chat.completions.create = () =>
      Promise.reject<never>(Object.assign(new Error('last message'), { name: 'MessageOrderError' }));
    const loaded = loadedOver(double, { template: 'unknown' });
    expect(await read(loaded, ask()).catch(errorCode)).toBe('bad-request');
  });

  test('without a template that can be written, an answer is not gone on with', async () => {
    const loaded = loadedOver(mlcDouble({ contextTokens }), { template: 'unknown' });
    const code = await read(loaded, ask({ resume: { text: 'the', tokens: 1 } })).catch(errorCode);
    expect(code).toBe('resume-unsupported');
  });

  test('empty thoughts stand in the prompt and take nothing of the answer', async () => {
    const plain = textOf(await read(loadedOver(mlcDouble({ contextTokens })), ask()));
    const double = mlcDouble({ contextTokens });
    const loaded = loadedOver(double, { thinking: 'off' });
    const events = await read(loaded, ask());
    expect(textOf(events)).toBe(plain);
    expect(events.at(-1)).toMatchObject({ type: 'finish', usage: { tokensOut: 20 } });
    expect(double.seen.prompts[0]!.endsWith('assistant\n<think>\n\n</think>\n\n')).toBe(true);
    await read(loaded, ask({ resume: { text: 'the', tokens: 1 } }));
    expect(double.seen.prompts[1]).toBe(`${double.seen.prompts[0]}the`);
  });

  test('a conversation past the context is refused with its count, and nothing is left out', async () => {
    const messages = Array.from({ length: 9 }, (_, index) => ({
      role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: 'word '.repeat(50),
    }));
    const double = mlcDouble({ contextTokens });
    const error = await read(loadedOver(double), ask({ input: { messages } } as Partial<EngineRequest>)).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'too-long', details: { contextTokens } });
    expect(double.seen.prompts).toHaveLength(1);
  });

  test('a lost device ends the answer with its code', async () => {
    const lost = new AbortController();
    const loaded = loadedOver(mlcDouble({ contextTokens }), { deviceLost: lost.signal });
    const reading = (async () => {
      for await (const event of loaded.doStream(ask(), {})) {
        if (event.type === 'text-delta') lost.abort(new TabloomError('device-lost', 'gone'));
      }
      return 'ok';
    })();
    expect(await reading.catch(errorCode)).toBe('device-lost');
  });
});
