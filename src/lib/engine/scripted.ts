import { throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import { textRequest } from './answer.ts';
import { scriptedAnswer, scriptedEmbedding } from './scripted-run.ts';
import { createSlots } from './slots.ts';
import type { Engine, LoadedModel, LoadOptions, ModelEntry } from './spec.ts';

export interface ScriptedOptions {
  readonly clock: Clock;
  /** A model named `scripted-<n>` overrides it; 0 means as fast as the reader. */
  readonly tokensPerSecond?: number;
  readonly slots?: number;
  readonly contextTokens?: number;
  /** Length of every answer in tokens; by default 24 to 63, depending on the prompt. */
  readonly answerTokens?: number;
  /** Generates the answer's text, which is split into words. */
  readonly text?: (prompt: string, seed: number) => string;
  /** Throws `engine-failed` instead of this token (from 0) of every answer. */
  readonly failAtToken?: number;
  readonly loadMs?: number;
  /** Loading fails with this code. */
  readonly failLoad?: string;
}

const build = '1';
const features = [
  ...(['tools', 'json-schema', 'logprobs', 'seed', 'reasoning', 'resume-exact', 'resume-text'] as const),
] as const satisfies readonly Feature[];
const loadSteps = 10;

/**
 * An engine without a model: the answer is a function of prompt, seed and position, paced by the clock. It honours the
 * whole contract (slots, stop, seed, resume, abort, prompt limit, formats, tool calls, log-probabilities, vectors), so
 * that everything above it can be tested at the speed of a real GPU on a machine without one. It calls a tool if the
 * last message names it or `toolChoice` requires it, and reasons if `reasoningEffort` asks for it.
 */
export function createScriptedEngine(options: ScriptedOptions): Engine {
  const { clock } = options;
  const info = { name: 'scripted', build, deviceClass: 'scripted' } as const;
  let current: LoadedModel | undefined;

  return {
    info,
    async load(model: ModelEntry, { signal, onProgress }: LoadOptions): Promise<LoadedModel> {
      throwIfAborted(signal);
      if (model.source.kind !== 'scripted') {
        throw new TabloomError(
          'model-unknown',
          `The scripted engine cannot run "${model.name}". Choose a scripted model.`,
        );
      }
      const startedMs = clock.elapsed();
      for (let step = 1; step <= loadSteps; step++) {
        if (options.loadMs) await clock.delay(options.loadMs / loadSteps, { signal });
        if (options.failLoad && step > loadSteps / 2) {
          throw new TabloomError(options.failLoad, 'The scripted load failed as configured.');
        }
        const elapsedMs = clock.elapsed() - startedMs;
        onProgress?.({
          phase: step === loadSteps ? 'ready' : 'download',
          loadedBytes: Math.round((model.sizeBytes * step) / loadSteps),
          totalBytes: model.sizeBytes,
          elapsedMs,
          remainingMs: (elapsedMs / step) * (loadSteps - step),
          fromCache: false,
        });
      }
      await current?.unload();
      current = loadScripted(model, info, options);
      return current;
    },
    async close() {
      await current?.unload();
    },
  };
}

function loadScripted(model: ModelEntry, info: Engine['info'], options: ScriptedOptions): LoadedModel {
  const contextTokens = options.contextTokens ?? model.contextTokens;
  const tokensPerSecond = Number(/^scripted-(\d+)$/.exec(model.name)?.[1] ?? options.tokensPerSecond ?? 100);
  const slots = createSlots(options.slots ?? 1, (asked, signal) => {
    const run = { ...options, contextTokens, tokensPerSecond, signal, startedMs: options.clock.elapsed() };
    return asked.kind === 'embedding'
      ? scriptedEmbedding(asked, run)
      : scriptedAnswer(textRequest(asked, features), run);
  });
  return {
    model,
    engine: info,
    contextTokens,
    kinds: ['chat', 'completion', 'embedding'],
    features,
    slots: options.slots ?? 1,
    doStream: slots.doStream,
    unload: slots.close,
  };
}
