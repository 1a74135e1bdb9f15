import { errorCode } from '#lib/base/errors.ts';
import { probeFeatures } from '#lib/engine/remote/probe.ts';
import type { runBenchmark } from '#lib/engine/run-benchmark.ts';
import type { EngineEvent, LoadedModel } from '#lib/engine/spec.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';

/** A model of a server, and what was found out about it. */
export interface Examined {
  readonly loaded: LoadedModel;
  readonly measured: Measured | undefined;
}

export interface ExamineComponents {
  /** The same model for embeddings. */
  readonly loadForEmbeddings: () => Promise<LoadedModel>;
  readonly measure: typeof runBenchmark;
  /** Draws the prompt, so that no cache has it. */
  readonly seed: number;
  /** Whether to find out features. */
  readonly probes: boolean;
  readonly signal: AbortSignal;
}

/**
 * Measures a model's speed and finds out its features. A server that lists a model and refuses to chat with it may have it
 * for embeddings. @throws the engine's errors, the signal's coded error.
 */
export async function examine(
  loaded: LoadedModel,
  { loadForEmbeddings, measure, seed, probes, signal }: ExamineComponents,
): Promise<Examined> {
  if (!loaded.kinds.includes('chat')) {
    await askShortly(loaded, signal);
    return { loaded, measured: undefined };
  }
  try {
    const measured = await measure(loaded, { signal, seed });
    const ask: Parameters<typeof probeFeatures>[0] = (request, probing) =>
      loaded.doStream(request, { signal: probing });
    return { loaded: probes ? withFeatures(loaded, await probeFeatures(ask, { signal })) : loaded, measured };
  } catch (error) {
    const isRefused = errorCode(error) === 'bad-request' || errorCode(error) === 'model-unknown';
    if (!isRefused || signal.aborted) throw error;
    const embedding = await loadForEmbeddings();
    await askShortly(embedding, signal).catch(() => Promise.reject(error));
    return { loaded: embedding, measured: undefined };
  }
}

export const withFeatures = (loaded: LoadedModel, features: readonly Feature[]): LoadedModel => ({
  ...loaded,
  features: [...new Set([...loaded.features, ...features])],
});

/** One token, or one vector. @throws the engine's errors, the signal's coded error. */
export async function askShortly({ kinds, doStream }: LoadedModel, signal: AbortSignal): Promise<void> {
  if (!kinds.includes('chat'))
    return drain(doStream({ kind: 'embedding', input: { texts: ['one'] }, params: {} }, { signal }));
  const messages = [{ role: 'user' as const, content: 'Say a word.' }];
  await drain(doStream({ kind: 'chat', input: { messages }, params: { maxTokens: 1, temperature: 0 } }, { signal }));
}

async function drain(events: AsyncIterable<EngineEvent>): Promise<void> {
  for await (const _ of events);
}
