import type { EngineEvent, EngineInfo, LoadedModel, RequestOf } from '#lib/engine/spec.ts';
import type { Scorer } from '#lib/peer/spec.ts';
import { bundledRows } from '../../relay/audit/bundled-rows.ts';
import { browserAnswers } from './browser.ts';
import { startOtherKernel, type Kernel } from './kernels.ts';
import { openSharedLlama, type SharedLlama } from './llama.ts';
import { loadLlama, type Answer } from './workers.ts';

/** What answers and scores in the town: one llama.cpp for most, and beside it those that add up otherwise. */
export interface TownEngines extends SharedLlama {
  /** By the kernels of another processor, in a process of its own. */
  readonly otherKernel: LoadedModel['doStream'];
  readonly otherKernelScorer: Scorer;
  readonly twoThreads: LoadedModel['doStream'];
  /** wllama in Chromium, on so many threads; it has answered already. */
  readonly browser: (threads: 1 | 2) => LoadedModel['doStream'];
  readonly browserEngine: EngineInfo;
  readonly rows: typeof bundledRows;
}

export async function openTownEngines(questions: readonly string[]): Promise<TownEngines> {
  const shared = await openSharedLlama();
  const kernel = await startOtherKernel();
  const two = await loadLlama({ threads: 2 });
  const answers = {
    1: (await browserAnswers(1, questions, 1)).answers,
    2: (await browserAnswers(2, questions, 1)).answers,
  };
  return {
    ...shared,
    otherKernel: streamOf(kernel),
    otherKernelScorer: shared.scorerOf((asked) => kernel.score(asked)),
    twoThreads: two.loaded.doStream,
    browser: (threads) => streamOfAnswers(answers[threads], shared.loaded.doStream),
    // As its offer says it; the number of its llama.cpp is only known in the browser.
    browserEngine: { name: 'wllama', build: '3.8.1', deviceClass: 'wasm-cpu' },
    rows: bundledRows,
    async close() {
      kernel.close();
      await two.close();
      await shared.close();
    },
  };
}

const streamOf = ({ answer }: Kernel): LoadedModel['doStream'] =>
  async function* (request) {
    yield* await answer(request as RequestOf<'chat'>);
  };

/** What Chromium answered, with the tokens as it reported them. @throws where it failed at this question. */
const streamOfAnswers = (answers: readonly BrowserAnswer[], llama: LoadedModel['doStream']): LoadedModel['doStream'] =>
  async function* (request, options) {
    const { messages } = (request as RequestOf<'chat'>).input;
    const found = answers.find(({ question }) => question === messages.at(-1)!.content);
    if (!found) throw new Error('wllama did not answer this question.');
    const { ids, text, ending } = found;
    yield { type: 'text-delta', text, tokens: ids.length, ids: [...ids] };
    for await (const event of llama(request, options))
      if (event.type === 'finish')
        yield { ...event, reason: ending, usage: { ...event.usage, tokensOut: ids.length } } satisfies EngineEvent;
  };

type BrowserAnswer = Answer & { readonly text: string };
