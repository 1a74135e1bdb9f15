import { systemClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { renderChat } from '#lib/engine/chat-prompt.ts';
import { readDevice } from '#lib/engine/device.ts';
import { cacheChunkStore } from '#lib/engine/files/cache-chunk-store.ts';
import type { Engine, EngineRequest, LoadedModel, LoadProgress, ModelEntry } from '#lib/engine/spec.ts';
import { createStoredModels } from '#lib/engine/stored-models.ts';
import { createWorkerEngine } from '#lib/engine/worker/client.ts';
import { Wllama } from '@wllama/wllama/esm/index.js';
import wasmUrl from '@wllama/wllama/esm/wasm/wllama.wasm?url';
import { demoStory } from '../../../fixtures/demo-story.ts';
import { loadingOnce } from '../../../compliance/engine-kit.ts';
import { engineCases, type EngineSubject } from '../../../compliance/engine.ts';

const wllama = (): Engine =>
  createWorkerEngine({
    info: { name: 'wllama', build: '', deviceClass: 'wasm-cpu' },
    clock: systemClock,
    spawn: () => new Worker(new URL('../../../../workers/wllama.worker.ts', import.meta.url), { type: 'module' }),
  });

const webllm = (): Engine =>
  createWorkerEngine({
    info: { name: 'webllm', build: '', deviceClass: 'webgpu-unknown' },
    clock: systemClock,
    spawn: () => new Worker(new URL('../../../../workers/webllm.worker.ts', import.meta.url), { type: 'module' }),
  });

const engines = { wllama, webllm } as const;

const { lend, close } = loadingOnce({ createEngine: wllama, model: demoModel });
const wllamaSubject: EngineSubject = {
  createEngine: wllama,
  lend,
  model: demoModel,
  bad: {
    model: {
      ...demoModel,
      source: { kind: 'gguf', url: '/models/cut.gguf', sizeBytes: demoModel.sizeBytes, sha256: 'a'.repeat(64) },
    },
    code: 'model-corrupt',
  },
  resume: 'exact',
  context: 'counted',
  kinds: ['chat', 'completion'],
  storyIds: demoStory.ids,
  storyLogprobs: demoStory.logprobs,
};

/** Greedy answers to raw prompts, read from the package, with the margin of each token over the next likely one. */
async function placesWith(threads: number, prompts: readonly string[], tokens: number) {
  const wllama = new Wllama({ default: wasmUrl });
  wllama.setCompat(null);
  await wllama.loadModel([await (await fetch('/models/tabloom-demo.gguf')).blob()], {
    n_ctx: 512,
    n_threads: threads,
  });
  const isMultithread = wllama.isMultithread();
  const answers: { readonly id: number; readonly token: string; readonly margin: number }[][] = [];
  for (const prompt of prompts) {
    const { choices } = await wllama.createCompletion({ prompt, max_tokens: tokens, temperature: 0, logprobs: 2 });
    const { content } = choices[0]!.logprobs as unknown as { content: LikelyToken[] };
    answers.push(
      content.map(({ id, token, logprob, top_logprobs: [, second] }) => ({
        id,
        token,
        margin: logprob - (second?.logprob ?? -Infinity),
      })),
    );
  }
  await wllama.exit();
  return { isMultithread, answers };
}

interface LikelyToken {
  readonly id: number;
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly logprob: number }[];
}

let underWay = new AbortController();

/** What the driver calls; every function returns plain data. */
const bench = {
  caseNames: () => engineCases.map(({ name }) => name),
  async runWllamaCase(name: string): Promise<string> {
    const found = engineCases.find((one) => one.name === name);
    return found!.run(wllamaSubject).then(
      () => 'ok',
      (error: unknown) => `${errorCode(error)}: ${String(error)}`,
    );
  },
  endWllamaCases: close,
  /** Answers of the demo model, to compare with its trainer's. */
  async greedy(requests: readonly EngineRequest[]) {
    const engine = wllama();
    const loaded = await engine.load(demoModel, {});
    const answers = [];
    for (const request of requests) answers.push(await answerOf(loaded, request));
    await engine.close();
    return answers;
  },
  placesWith,
  chatPrompt: (question: string) => renderChat([{ role: 'user', content: question }], 'chatml'),
  async load(name: keyof typeof engines, model: ModelEntry, abortAfterBytes?: number) {
    const engine = engines[name]();
    const steps: LoadProgress[] = [];
    const controller = new AbortController();
    underWay = controller;
    try {
      await engine.load(model, {
        signal: controller.signal,
        onProgress: (step) => {
          steps.push(step);
          if (abortAfterBytes !== undefined && step.loadedBytes >= abortAfterBytes) controller.abort();
        },
      });
      return { code: 'ok', message: '', info: engine.info, steps };
    } catch (error) {
      return {
        code: errorCode(error),
        message: String(error) + JSON.stringify((error as { details?: unknown }).details ?? null),
        info: engine.info,
        steps,
      };
    } finally {
      await engine.close();
    }
  },
  /** Stops the load that was begun last. */
  stopLoad: () => underWay.abort(),
  device: () => readDevice(navigator),
  storedModels: async (models: readonly ModelEntry[]) =>
    (await createStoredModels(caches, models).list()).map(({ model, storedBytes }) => ({
      name: model.name,
      storedBytes,
    })),
  deleteModel: (models: readonly ModelEntry[], model: ModelEntry) => createStoredModels(caches, models).delete(model),
  stored: () => cacheChunkStore(caches).list(),
  forget: (sha256: string) => cacheChunkStore(caches).delete(sha256),
  demo: () => demoModel,
};

async function answerOf(loaded: LoadedModel, request: EngineRequest) {
  let text = '';
  for await (const event of loaded.doStream(request, {})) {
    if (event.type === 'text-delta') text += event.text;
    if (event.type === 'finish') return { text, usage: event.usage, reason: event.reason };
  }
  throw new Error('no finish');
}

export type EngineBench = typeof bench;
Object.assign(globalThis, { bench });
