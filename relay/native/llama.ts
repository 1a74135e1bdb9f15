import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Llama, LlamaContext, LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp';
import { raceSignal, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { textRequest, tooLong } from '#lib/engine/answer.ts';
import { createProgressMeter } from '#lib/engine/progress.ts';
import { createSlots } from '#lib/engine/slots.ts';
import type {
  Engine,
  EngineEvent,
  EngineInfo,
  LoadedModel,
  LoadOptions,
  ModelEntry,
  RequestOf,
  ScoreRequest,
} from '#lib/engine/spec.ts';
import { embeddingEvents } from '#lib/engine/vector.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import { promptTokens, runLlama } from './run.ts';
import { scoreLlama, tokenize } from './tokens.ts';

export interface LlamaEngineOptions {
  readonly clock: Clock;
  /** Path of a model's file on this machine; nothing is downloaded. */
  readonly pathOf: (model: ModelEntry) => string;
  /** 1 by default: a tiny model gets slower with more, and the relay has other work. */
  readonly threads?: number;
}

const features = [
  ...(['tools', 'json-schema', 'logprobs', 'logit-bias', 'seed', 'resume-exact', 'resume-text'] as const),
] as const satisfies readonly Feature[];

/** llama.cpp in this process, on the CPU, one answer at a time. */
export function createLlamaEngine(options: LlamaEngineOptions): Engine {
  const { clock, threads = 1 } = options;
  let info: EngineInfo = { name: 'llama', build: 'node-llama-cpp 3.22.1', deviceClass: 'native-cpu' };
  let llama: Promise<Llama> | undefined;
  let current: LoadedModel | undefined;

  async function load(model: ModelEntry, { signal, onProgress }: LoadOptions): Promise<LoadedModel> {
    throwIfAborted(signal);
    const { source } = model;
    if (source.kind !== 'gguf') {
      throw new TabloomError('model-unknown', `llama.cpp runs GGUF files and "${model.name}" is none. Choose another.`);
    }
    await current?.unload();
    const report = createProgressMeter(clock, onProgress);
    const path = options.pathOf(model);
    const bytes = { totalBytes: source.sizeBytes, fromCache: true };
    await verifyFile(path, source, {
      signal,
      onBytes: (loadedBytes) => report({ ...bytes, phase: 'verify', loadedBytes }),
    });
    report({ ...bytes, phase: 'compile', loadedBytes: source.sizeBytes });
    llama ??= startLlama(threads);
    const engine = await llama;
    info = { ...info, build: `node-llama-cpp 3.22.1 ${engine.llamaCppRelease.release}`.slice(0, 64) };
    const opened = await openModel(engine, path, { contextSize: model.contextTokens, threads, signal });
    const sequence = opened.context.getSequence();
    const contextTokens = Math.min(model.contextTokens, opened.context.contextSize);
    let embedding: Promise<LlamaEmbeddingContext> | undefined;
    const openContext = () =>
      (embedding ??= opened.model.createEmbeddingContext({ contextSize: contextTokens, threads }));
    const shared = { model: opened.model, sequence, clock, contextTokens };
    const template = source.template ?? 'chatml';
    const readTokens = (prompt: ScoreRequest['prompt']) =>
      'kind' in prompt ? promptTokens(prompt, { model: opened.model, template }) : prompt;
    const slots = createSlots(1, (asked, streamSignal) =>
      asked.kind === 'embedding'
        ? embedLlama(asked, { ...shared, openContext, signal: streamSignal })
        : runLlama(textRequest(asked, features), {
            ...shared,
            template,
            signal: streamSignal,
          }),
    );
    report({ ...bytes, phase: 'ready', loadedBytes: source.sizeBytes });
    let unloading: Promise<void> | undefined;
    current = {
      model,
      engine: info,
      contextTokens,
      kinds: ['chat', 'completion', 'embedding'],
      features,
      slots: 1,
      doStream: slots.doStream,
      score: (asked, { signal: scoreSignal }) =>
        slots.hold(
          (held) => scoreLlama({ ...asked, prompt: readTokens(asked.prompt) }, { ...shared, signal: held }),
          scoreSignal,
        ),
      unload() {
        unloading ??= slots.close().then(() => opened.model.dispose());
        return unloading;
      },
    };
    return current;
  }

  return {
    get info() {
      return info;
    },
    load,
    async close() {
      await current?.unload();
      await (await llama?.catch(() => undefined))?.dispose();
      llama = undefined;
    },
  };
}

/** The package's prebuilt binary for this platform; nothing is compiled or downloaded. */
async function startLlama(threads: number): Promise<Llama> {
  try {
    // Imported late: a relay without a native model should not pay for it.
    const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
    return await getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: LlamaLogLevel.disabled,
      maxThreads: threads,
    });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND') {
      throw new TabloomError(
        'load-failed',
        'llama.cpp is not installed. Install node-llama-cpp@3.22.1 beside Tabloom, name a model server with --backend, or start with --no-native.',
        { cause },
      );
    }
    throw new TabloomError(
      'load-failed',
      'llama.cpp could not be started: its binary for this platform is missing. Install again, or start with --no-native.',
      { cause },
    );
  }
}

async function openModel(
  llama: Llama,
  modelPath: string,
  options: { readonly contextSize: number; readonly threads: number; readonly signal: AbortSignal | undefined },
): Promise<{ readonly model: LlamaModel; readonly context: LlamaContext }> {
  const { contextSize, threads, signal } = options;
  let model: LlamaModel | undefined;
  try {
    // Read rather than mapped, so that the verified bytes keep running even if the file is replaced.
    const source = { modelPath, gpuLayers: 0, useMmap: false };
    model = await llama.loadModel({ ...source, ...(signal ? { loadSignal: signal } : {}) });
    const context = await raceSignal(model.createContext({ contextSize, sequences: 1, threads }), signal);
    return { model, context };
  } catch (cause) {
    await model?.dispose();
    throwIfAborted(signal);
    throw new TabloomError(
      'model-corrupt',
      'llama.cpp could not read the model file. Put a GGUF file it knows in place.',
      {
        cause,
      },
    );
  }
}

/** Embeds texts one after the other. @throws `too-long`; `bad-request` when dimensions are requested. */
async function* embedLlama(
  { input, params }: RequestOf<'embedding'>,
  {
    model,
    openContext,
    clock,
    contextTokens,
    signal,
  }: {
    readonly model: LlamaModel;
    readonly openContext: () => Promise<LlamaEmbeddingContext>;
    readonly clock: Clock;
    readonly contextTokens: number;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<EngineEvent> {
  const startedMs = clock.elapsed();
  if (params.dimensions !== undefined) {
    throw new TabloomError('bad-request', 'This model has one number of dimensions. Leave "dimensions" out.');
  }
  const texts = input.texts.map((text) => tokenize(model, text));
  const longest = Math.max(...texts.map(({ length }) => length));
  if (longest >= contextTokens) throw tooLong(longest, contextTokens);
  const context = await openContext();
  yield* embeddingEvents(vectors(), { tokensIn: texts.reduce((sum, { length }) => sum + length, 0), clock, startedMs });

  async function* vectors() {
    for (const tokens of texts) {
      throwIfAborted(signal);
      const { vector } = await context.getEmbeddingFor([...tokens]);
      throwIfAborted(signal);
      yield vector;
    }
  }
}

/** Checks a file against the catalog's size and hash. @throws `load-failed`, `model-corrupt`, `aborted`. */
async function verifyFile(
  path: string,
  expected: { readonly sizeBytes: number; readonly sha256: string },
  options: { readonly signal?: AbortSignal | undefined; readonly onBytes: (loadedBytes: number) => void },
): Promise<void> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new TabloomError('load-failed', `There is no model file at ${path}. Restore it from the repository.`, {
      cause,
    });
  });
  const corrupt = (what: string) =>
    new TabloomError('model-corrupt', `The model file at ${path} is not the one expected: ${what}. Restore it.`);
  if (size !== expected.sizeBytes) throw corrupt(`it has ${size} bytes and not ${expected.sizeBytes}`);
  const hash = createHash('sha256');
  let loadedBytes = 0;
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    throwIfAborted(options.signal);
    const chunk = bytes as Uint8Array;
    hash.update(chunk);
    loadedBytes += chunk.length;
    options.onBytes(loadedBytes);
  }
  if (hash.digest('hex') !== expected.sha256) throw corrupt('its hash is another');
}
