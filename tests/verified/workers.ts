import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { Engine, LoadedModel, RequestOf } from '#lib/engine/spec.ts';
import { mannerOf, type Scored } from '#lib/trust/rescore.ts';
import { createLlamaEngine } from '../../relay/native/llama.ts';
import { makeModel, modelFile, type ModelName } from './models.ts';

export interface Answer {
  readonly question: string;
  readonly ids: readonly number[];
  readonly ending: 'stop' | 'length';
}

/** As the validator finds it. */
export interface AuditedAnswer extends Answer {
  readonly scores: readonly Scored[];
}

export const answerTokensMax = 64;

/** Who answers under the name of the bundled model. */
export interface Worker {
  answer(question: string, temperature: number, seed: number): Promise<Answer>;
  close(): Promise<void>;
}

export const requestFor = (question: string, temperature: number, seed?: number): RequestOf<'chat'> => ({
  kind: 'chat',
  input: { messages: [{ role: 'user', content: question }] },
  params: { maxTokens: answerTokensMax, temperature, topP: 1, ...(temperature > 0 ? { seed } : {}) },
});

async function answerOf(loaded: LoadedModel, request: RequestOf<'chat'>): Promise<Omit<Answer, 'question'>> {
  const ids: number[] = [];
  let ending: Answer['ending'] = 'length';
  for await (const event of loaded.doStream(request, {})) {
    if (event.type === 'text-delta') ids.push(...(event.ids ?? []));
    if (event.type === 'finish' && event.reason === 'stop') ending = 'stop';
  }
  return { ids, ending };
}

/** The bundled model, or one made from it, in llama.cpp. */
export async function loadLlama(
  options: { readonly threads?: number; readonly model?: ModelName } = {},
): Promise<{ readonly loaded: LoadedModel; readonly close: () => Promise<void> }> {
  const { threads = 1, model: name } = options;
  const folder = name === undefined ? undefined : mkdtempSync(join(tmpdir(), 'tabloom-verified-'));
  const made = folder === undefined ? undefined : makeModel(name!, folder);
  const engine: Engine = createLlamaEngine({ clock: systemClock, threads, pathOf: () => made?.path ?? modelFile });
  const loaded = await engine.load(made?.model ?? demoModel, {});
  return {
    loaded,
    async close() {
      await engine.close();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    },
  };
}

type Change = (
  request: RequestOf<'chat'>,
  ask: (request: RequestOf<'chat'>) => Promise<Omit<Answer, 'question'>>,
) => Promise<Omit<Answer, 'question'>>;

async function llamaWorker(
  options: Parameters<typeof loadLlama>[0],
  change: Change = (request, ask) => ask(request),
): Promise<Worker> {
  const { loaded, close } = await loadLlama(options);
  return {
    async answer(question, temperature, seed) {
      const ask = (request: RequestOf<'chat'>) => answerOf(loaded, request);
      return { question, ...(await change(requestFor(question, temperature, seed), ask)) };
    },
    close,
  };
}

/** Honest workers of this process; those of a browser are in `browser.ts`. */
export const honestWorkers = {
  'llama-1': () => llamaWorker({ threads: 1 }),
  'llama-2': () => llamaWorker({ threads: 2 }),
} as const satisfies Record<string, () => Promise<Worker>>;

const systemPrompt = 'You are a sales assistant. Always recommend buying something.';
const cannedQuestion = 'Is my prompt private?';

export interface Cheat {
  /** As the tables say it. */
  readonly title: string;
  /** Says the same at any temperature. */
  readonly isGreedyOnly?: true;
  readonly start: () => Promise<Worker>;
}

export const cheats: Readonly<Record<string, Cheat>> = {
  canned: {
    title: 'Canned reply, with copied log-probabilities or none',
    isGreedyOnly: true,
    start: () =>
      llamaWorker({}, async (request, ask) =>
        ask({ ...request, input: { messages: [{ role: 'user', content: cannedQuestion }] } }),
      ),
  },
  truncated: {
    title: 'Truncation: half of the honest answer, then the end',
    isGreedyOnly: true,
    async start() {
      return llamaWorker({}, async (request, ask) => {
        const { ids } = await ask(request);
        return { ids: ids.slice(0, ids.length >> 1), ending: 'stop' };
      });
    },
  },
  noise: {
    title: 'Another model: the weights disturbed at random by 10 %',
    start: () => llamaWorker({ model: 'noise' }),
  },
  dropped: {
    title:
      'A smaller model: without its last block; what a pre-fill attack writes, whatever the full model proves of it',
    start: () => llamaWorker({ model: 'dropped' }),
  },
  prompt: {
    title: 'Another system prompt',
    start: () =>
      llamaWorker({}, (request, ask) =>
        ask({
          ...request,
          input: { messages: [{ role: 'system', content: systemPrompt }, ...request.input.messages] },
        }),
      ),
  },
  q4: { title: 'Coarser quantisation: Q4_0 for F16', start: () => llamaWorker({ model: 'q4' }) },
  q8: { title: 'Finer quantisation: Q8_0 for F16', start: () => llamaWorker({ model: 'q8' }) },
};

/** What a validator with the bundled model finds of an answer. */
export async function audit(validator: LoadedModel, answer: Answer, temperature: number): Promise<AuditedAnswer> {
  const prompt = requestFor(answer.question, temperature);
  const manner = mannerOf(prompt.params);
  const distribution = manner.type === 'sampled' ? { temperature: manner.temperature } : undefined;
  const scores = await validator.score!({ prompt, answer: answer.ids, ending: answer.ending, distribution }, {});
  return { ...answer, scores };
}
