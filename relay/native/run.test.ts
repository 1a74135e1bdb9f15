import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { EngineRequest, TextRequest } from '#lib/engine/spec.ts';
import type { LlamaContextSequence, LlamaModel, SequenceEvaluateOptions, Token } from 'node-llama-cpp';
import { runLlama } from './run.ts';

/** A model whose tokens are the characters of a text, and which answers "yes". */
async function run(request: Pick<EngineRequest, 'params' | 'resume'>) {
  const codes = (text: string) => [...text].map((character) => character.charCodeAt(0) as Token);
  const model = {
    tokenize: codes,
    detokenize: (tokens: readonly Token[]) => String.fromCharCode(...tokens),
    tokens: { bos: null, shouldPrependBosToken: false },
  };
  const punished: string[] = [];
  let asked: SequenceEvaluateOptions | undefined;
  const sequence = {
    nextTokenIndex: 0,
    adaptStateToTokens: async () => undefined,
    async *evaluate(_tokens: readonly Token[], options: SequenceEvaluateOptions) {
      asked = options;
      for (const token of codes('yes')) {
        const punish = options.repeatPenalty?.punishTokens;
        if (typeof punish === 'function') punished.push(String.fromCharCode(...punish()));
        yield token;
      }
    },
  };
  let text = '';
  for await (const event of runLlama({ kind: 'completion', input: { prompt: 'Will it?' }, ...request } as TextRequest, {
    model: model as unknown as LlamaModel,
    sequence: sequence as unknown as LlamaContextSequence,
    clock: manualClock(),
    contextTokens: 64,
    template: 'chatml',
    signal: new AbortController().signal,
  })) {
    if (event.type === 'text-delta') text += event.text;
  }
  return { text, punished, asked };
}

test('nothing but temperature and top-p cuts what may be drawn', async () => {
  const { text, asked } = await run({ params: { maxTokens: 9, temperature: 0.7, topP: 0.9 } });
  expect(text).toBe('yes');
  expect(asked).toMatchObject({ temperature: 0.7, topP: 0.9, topK: 0, minP: 0 });
});

test('penalties look at the answer from its beginning, resumed or not', async () => {
  const params = { maxTokens: 9, temperature: 0, presencePenalty: 1 };
  expect((await run({ params })).punished).toEqual(['', 'y', 'ye']);
  expect((await run({ params, resume: { text: 'oh ', tokens: 3 } })).punished).toEqual(['oh ', 'oh y', 'oh ye']);
});
