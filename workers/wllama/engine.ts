import { abortError, raceSignal, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { textRequest } from '#lib/engine/answer.ts';
import type { ChunkStore } from '#lib/engine/files/chunk-store.ts';
import { fetchFile } from '#lib/engine/files/fetch-file.ts';
import { createProgressMeter } from '#lib/engine/progress.ts';
import { createSlots } from '#lib/engine/slots.ts';
import type { Engine, EngineInfo, LoadedModel, LoadOptions, ModelEntry } from '#lib/engine/spec.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import { Wllama } from '@wllama/wllama/esm/index.js';
import { assertBrowserSupport } from './browser-support.ts';
import { runWllama } from './run.ts';
import { scoreWllama } from './score.ts';

export interface WllamaEngineOptions {
  /** Our own copy of the wasm; nothing is fetched from third parties. */
  readonly wasmUrl: string;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  readonly store: ChunkStore;
  /** Base URL for relative model URLs. */
  readonly pageUrl: string;
}

/** No log-probabilities: the package fails on tokens that are part of a character. */
const features = [
  ...(['tools', 'json-schema', 'logit-bias', 'seed', 'resume-text'] as const),
] as const satisfies readonly Feature[];

/** Above this size a model gains more from threads than it loses to synchronisation. */
const threadsFromParameters = 50_000_000;

/** llama.cpp in wasm on the CPU: the fallback for tabs without WebGPU, and the engine of the bundled model. */
export function createWllamaEngine(options: WllamaEngineOptions): Engine {
  const { clock } = options;
  const info: EngineInfo = {
    name: 'wllama',
    build: `3.8.1 ${Wllama.getLibllamaVersion()}`.slice(0, 64),
    deviceClass: 'wasm-cpu',
  };
  let current: LoadedModel | undefined;

  async function load(model: ModelEntry, { signal, onProgress }: LoadOptions): Promise<LoadedModel> {
    throwIfAborted(signal);
    const { source } = model;
    if (source.kind !== 'gguf') {
      throw new TabloomError(
        'model-unknown',
        `wllama only runs GGUF files, and "${model.name}" is not one. Choose another engine.`,
      );
    }
    assertBrowserSupport(WebAssembly);
    await current?.unload();
    const report = createProgressMeter(clock, onProgress);
    const file = await fetchFile(
      { ...source, url: new URL(source.url, options.pageUrl).href },
      { fetch: options.fetch, store: options.store, onProgress: report, signal },
    );
    const bytes = { loadedBytes: source.sizeBytes, totalBytes: source.sizeBytes, fromCache: false };
    report({ ...bytes, phase: 'compile' });
    const wllama = await start(file, model, options.wasmUrl, signal);
    report({ ...bytes, phase: 'ready' });
    const contextTokens = Math.min(model.contextTokens, wllama.getLoadedContextInfo().n_ctx);
    const shared = { wllama, clock, contextTokens, template: source.template ?? 'chatml' };
    const slots = createSlots(1, (asked, streamSignal) =>
      runWllama(textRequest(asked, features), { ...shared, signal: streamSignal }),
    );
    current = {
      model,
      engine: info,
      contextTokens,
      kinds: ['chat', 'completion'],
      features,
      slots: 1,
      doStream: slots.doStream,
      score: (asked, { signal: scoreSignal }) =>
        slots.hold((held) => scoreWllama(asked, { ...shared, signal: held }), scoreSignal),
      async unload() {
        await slots.close();
        if (wllama.isModelLoaded()) await wllama.exit();
      },
    };
    return current;
  }

  return {
    info,
    load,
    async close() {
      await current?.unload();
    },
  };
}

async function start(file: Blob, model: ModelEntry, wasmUrl: string, signal: AbortSignal | undefined): Promise<Wllama> {
  const wllama = new Wllama({ default: wasmUrl }, { suppressNativeLog: true, logger: silent });
  // Otherwise the package would fetch a build for browsers without JSPI from a CDN.
  wllama.setCompat(null);
  const crash = watchCrash();
  try {
    const threads = model.parameters < threadsFromParameters ? { n_threads: 1 } : {};
    const loading = wllama.loadModel([file], {
      n_ctx: model.contextTokens,
      n_gpu_layers: 0,
      n_parallel: 1,
      warmup: false,
      ...threads,
    });
    await raceSignal(Promise.race([loading, crash.happened]), signal);
    return wllama;
  } catch (cause) {
    const leaving = wllama.exit().catch(() => undefined);
    // A crashed wasm may never confirm its exit.
    if (cause !== crash.error()) await leaving;
    else throw cause;
    if (signal?.aborted) throw abortError(signal);
    if (cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError) {
      throw new TabloomError(
        'load-failed',
        'This browser cannot run the engine. Use a current Chrome, Edge or Firefox.',
        {
          cause,
        },
      );
    }
    throw new TabloomError(
      'model-corrupt',
      'The engine could not read the model: not a supported GGUF file, or too large for this browser. Choose another model.',
      { cause, details: { reason: String(cause).slice(0, 256) } },
    );
  } finally {
    // Further errors during shutdown belong to the same crash.
    if (!crash.error()) crash.ignore();
  }
}

/**
 * The package hangs if the wasm cannot be instantiated (truncated code, out of memory): it expects the reason to be a
 * string, throws while handling it, and its promise never settles. That error surfaces as an uncaught error of this
 * worker, which is caught here.
 */
function watchCrash() {
  const watching = new AbortController();
  const { promise: happened, reject } = Promise.withResolvers<never>();
  happened.catch(() => undefined);
  let error: TabloomError | undefined;
  const onError = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    error ??= new TabloomError(
      'load-failed',
      'The engine could not be started: its code is incomplete, or memory is low. Close other tabs and try again.',
      { cause: 'reason' in event ? event.reason : event.error },
    );
    reject(error);
  };
  addEventListener('unhandledrejection', onError, { signal: watching.signal });
  addEventListener('error', onError, { signal: watching.signal });
  return { happened, error: () => error, ignore: () => watching.abort() };
}

/** Silent, because the native log contains prompts. */
const silent = { debug: () => undefined, log: () => undefined, warn: () => undefined, error: () => undefined };
