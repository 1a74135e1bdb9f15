import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { createLive } from '#lib/base/live.ts';
import { emptyLibrary } from '#lib/state/library.ts';
import type { AnswerPart, Question } from './ask-http.ts';
import { tabRung, type DeviceTab } from './device-rung.ts';
import { findLanguageModel, promptRung, type LanguageModelStatic } from './prompt-rung.ts';
import type { DeviceRung } from './rungs.ts';

const question: Question = {
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ],
  model: 'auto',
  maxTokens: 9,
  tools: [],
};

async function ask(rung: DeviceRung) {
  const parts: AnswerPart[] = [];
  try {
    for await (const part of rung.ask(question, new AbortController().signal)) parts.push(part);
    return { parts };
  } catch (error) {
    return { parts, code: errorCode(error) };
  }
}

function tab(loaded: readonly string[], ...events: readonly object[]) {
  const requests: unknown[] = [];
  const double = {
    library: { view: createLive({ ...emptyLibrary, loaded }) },
    asking: {
      async *ask(request: unknown, { where }: { where: string }) {
        requests.push([where, request]);
        yield* events;
      },
    },
  } as unknown as DeviceTab;
  return { rung: tabRung(double, () => true), requests };
}

test('a loaded model answers here and nowhere else', async () => {
  const text = { type: 'part-received', at: 0, part: { type: 'text-delta', text: 'Yes', tokens: 1 } };
  const { rung, requests } = tab(['demo'], text, { type: 'job-finished', reason: 'stop' });
  expect(rung.ready()).toBe(true);
  expect((await ask(rung)).parts).toEqual([
    { type: 'answerer', answerer: { model: 'demo' } },
    { type: 'text', text: 'Yes' },
    { type: 'finished', reason: 'stop', calls: [] },
  ]);
  expect(requests).toMatchObject([
    ['this-device', { model: { name: 'demo' }, input: { messages: question.messages } }],
  ]);
});

test('before the visitor has agreed there is no such rung, and a failure has its code', async () => {
  expect(tab([]).rung.ready()).toBe(false);
  expect(await ask(tab([]).rung)).toMatchObject({ code: 'model-unloaded' });
  const failed = { type: 'job-failed', error: { code: 'device-lost', message: 'Gone.' } };
  expect(await ask(tab(['demo'], failed).rung)).toMatchObject({ code: 'device-lost' });
});

function languageModel(availability: Awaited<ReturnType<LanguageModelStatic['availability']>>) {
  const seen: unknown[] = [];
  const model: LanguageModelStatic = {
    availability: async () => availability,
    create: async (options) => {
      seen.push(options.initialPrompts);
      return {
        async *promptStreaming(text) {
          seen.push(text);
          yield 'Hel';
          yield 'lo';
        },
        destroy: () => void seen.push('destroyed'),
      };
    },
  };
  return { model, seen };
}

test('the browser’s own model is asked by the documented interface, and let go', async () => {
  const { model, seen } = languageModel('available');
  const { parts } = await ask(promptRung(model, () => true));
  expect(parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('')).toBe('Hello');
  expect(seen).toEqual([[{ role: 'system', content: 'Be brief.' }], 'Hi', 'destroyed']);
});

test('where the browser has none, or has it no longer, there is nothing to ask', async () => {
  const { model } = languageModel('unavailable');
  expect(await ask(promptRung(model, () => true))).toMatchObject({ code: 'model-unloaded' });
  expect(findLanguageModel({})).toBeUndefined();
  expect(findLanguageModel({ LanguageModel: {} })).toBeUndefined();
  expect(findLanguageModel({ LanguageModel: model })).toBe(model);
});
