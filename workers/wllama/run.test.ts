import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { EngineEvent, TextRequest } from '#lib/engine/spec.ts';
import type { RawCompletionChunk, Wllama } from '@wllama/wllama/esm/index.js';
import { runWllama } from './run.ts';

interface Params {
  readonly max_tokens: number;
  readonly stream?: boolean;
  readonly onData?: (chunk: RawCompletionChunk) => void;
}

const chunk = (text: string, madeTokens: number, finish_reason: 'stop' | 'length' | null = null) =>
  ({ choices: [{ text, finish_reason }], timings: { predicted_n: madeTokens } }) as unknown as RawCompletionChunk;

/** Runs with a stub of the package that yields these chunks, or fails like its internal server. */
async function run(outcome: readonly RawCompletionChunk[] | Error, params: Partial<TextRequest['params']> = {}) {
  const asked: Params[] = [];
  const createCompletion = async (options: Params) => {
    asked.push(options);
    if (outcome instanceof Error) throw outcome;
    if (options.stream) for (const one of outcome) options.onData!(one);
    return { usage: { prompt_tokens: 7 } };
  };
  const request: TextRequest = {
    kind: 'completion',
    input: { prompt: 'Once' },
    params: { maxTokens: 3, temperature: 0.7, ...params },
  };
  const events: EngineEvent[] = [];
  const code = await (async () => {
    for await (const event of runWllama(request, {
      wllama: { createCompletion } as unknown as Wllama,
      clock: manualClock(),
      contextTokens: 64,
      template: 'chatml',
      signal: new AbortController().signal,
    })) {
      events.push(event);
    }
    return 'ok';
  })().catch(errorCode);
  return { code, events, asked };
}

test('tokens of a character split by the limit are delivered without text', async () => {
  const { events } = await run([chunk('a', 1), chunk('', 2), chunk('', 3, 'length')]);
  expect(events).toMatchObject([
    { type: 'text-delta', text: 'a', tokens: 1 },
    { type: 'text-delta', text: '', tokens: 2 },
    { type: 'finish', reason: 'length', usage: { tokensIn: 7, tokensOut: 3 } },
  ]);
});

test('the end-of-text token is not part of the answer', async () => {
  const { events } = await run([chunk('a', 1), chunk('b', 2), chunk('', 3, 'stop')]);
  expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop', usage: { tokensOut: 2 } });
});

test.each([
  ['request (600 tokens) exceeds the available context size (512 tokens), try increasing it', 'too-long'],
  ['Context size has been exceeded.', 'too-long'],
  ['failed to decode: the context was lost', 'engine-failed'],
])('"%s" is %s', async (message, code) => {
  expect((await run(new Error(message))).code).toBe(code);
});

test('only temperature and top-p restrict sampling', async () => {
  const { asked } = await run([chunk('a', 1, 'stop')], { topP: 0.9 });
  expect(asked.at(-1)).toMatchObject({ temperature: 0.7, top_p: 0.9, top_k: 0, min_p: 0 });
});
