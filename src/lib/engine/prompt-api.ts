import { throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { messageText } from '#lib/protocol/kinds/chat.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import { answer, textRequest, tokensLeft, tooLong } from './answer.ts';
import { unsupportedWarnings } from './sampling.ts';
import { createSlots } from './slots.ts';
import type { Engine, EngineEvent, LoadedModel, ModelEntry, RequestOf } from './spec.ts';
import type { RawPiece } from './stop-filter.ts';

/** What is needed of the Prompt API, by which some browsers offer a model of their own (`LanguageModel`). */
export interface LanguageModelApi {
  availability(): Promise<'unavailable' | 'downloadable' | 'downloading' | 'available'>;
  create(options: {
    readonly initialPrompts?: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
    readonly signal?: AbortSignal;
    readonly monitor?: (monitor: Pick<EventTarget, 'addEventListener'>) => void;
  }): Promise<LanguageModelSession>;
}

export interface LanguageModelSession {
  /** The answer in pieces; each has what is new. */
  promptStreaming(text: string, options: { readonly signal: AbortSignal }): AsyncIterable<string>;
  /** Tokens that a conversation may have, and those that this one has; left out by some versions. */
  readonly inputQuota?: number;
  readonly inputUsage?: number;
  destroy(): void;
}

/** The browser's own model, as a model of the library. Which weights it has, only its browser knows: nobody else runs them. */
export const browserModel: ModelEntry = {
  name: 'browser-model',
  title: 'This browser’s own model',
  engines: ['prompt-api'],
  // SHA-256 of "tabloom browser-model": a name, and no weights.
  artefact: 'd478346e33ff7e72ec77bb55377aef6b377bca339e19a1c17bd9f6be31660047',
  contextTokens: 4_096,
  quantisation: '',
  parameters: 0,
  sizeBytes: 0,
  memoryBytes: 0,
  licence: '',
  source: { kind: 'browser' },
};

export const findLanguageModel = (scope: object): LanguageModelApi | undefined => {
  const found = (scope as { readonly LanguageModel?: LanguageModelApi }).LanguageModel;
  return typeof found?.availability === 'function' ? found : undefined;
};

const info = { name: 'prompt-api', build: '', deviceClass: 'browser' } as const;

/**
 * The browser's own model behind the engine port. It has no features: its tokens are not told, and counted by the length of the
 * text. Loading it may have the browser download it, which is not ours to count.
 */
export function createPromptApiEngine(api: LanguageModelApi, clock: Clock): Engine {
  let current: LoadedModel | undefined;
  return {
    info,
    async load(model, { signal, onProgress }) {
      throwIfAborted(signal);
      if (model.source.kind !== 'browser' || (await api.availability()) === 'unavailable')
        throw new TabloomError('model-unknown', 'This browser has no model of its own, or does not offer it now.');
      throwIfAborted(signal);
      const startedMs = clock.elapsed();
      const progress = (phase: 'download' | 'ready') =>
        onProgress?.({
          phase,
          loadedBytes: 0,
          totalBytes: 0,
          elapsedMs: clock.elapsed() - startedMs,
          fromCache: false,
        });
      progress('download');
      // It stays in memory as long as this session does.
      const kept = await api.create({
        ...(signal ? { signal } : {}),
        monitor: (monitor) => monitor.addEventListener('downloadprogress', () => progress('download')),
      });
      await current?.unload();
      current = loaded(model, api, kept, clock);
      progress('ready');
      return current;
    },
    async close() {
      await current?.unload();
    },
  };
}

function loaded(model: ModelEntry, api: LanguageModelApi, kept: LanguageModelSession, clock: Clock): LoadedModel {
  const contextTokens = kept.inputQuota || model.contextTokens;
  const slots = createSlots(1, (request, signal) => {
    const asked = textRequest(request, []);
    if (asked.kind !== 'chat') throw new TabloomError('bad-request', 'The model of this browser only chats.');
    return chat(asked, { api, clock, contextTokens, signal });
  });
  return {
    model,
    engine: info,
    contextTokens,
    kinds: ['chat'],
    features: [],
    slots: 1,
    doStream: slots.doStream,
    async unload() {
      await slots.close();
      kept.destroy();
    },
  };
}

interface ChatRun {
  readonly api: LanguageModelApi;
  readonly clock: Clock;
  readonly contextTokens: number;
  readonly signal: AbortSignal;
}

async function* chat(
  request: RequestOf<'chat'>,
  { api, clock, contextTokens, signal }: ChatRun,
): AsyncGenerator<EngineEvent> {
  const startedMs = clock.elapsed();
  if (request.resume)
    throw new TabloomError('resume-unsupported', 'The model of this browser cannot go on with an answer.');
  const words = request.input.messages.flatMap((message) => {
    const { role } = message;
    return role === 'tool' ? [] : [{ role, content: messageText(message) }];
  });
  const last = words.at(-1);
  if (!last) throw new TabloomError('bad-request', 'There is nothing to answer.');
  const estimated = estimateTokens(
    words.reduce((sum, { content }) => sum + content.length, 0),
    'low',
  );
  if (estimated >= contextTokens) throw tooLong(estimated, contextTokens);
  yield* unsupportedWarnings(request.params, []);
  const session = await api
    .create({ initialPrompts: words.slice(0, -1), signal })
    .catch((error: unknown) => Promise.reject(asEngineError(error, estimated, contextTokens)));
  const left = tokensLeft(request);
  let reason: 'stop' | 'length' = 'stop';
  async function* pieces(): AsyncGenerator<RawPiece> {
    let tokens = 0;
    try {
      for await (const text of session.promptStreaming(last!.content, { signal })) {
        const count = Math.max(1, estimateTokens(text.length, 'low'));
        if (tokens + count > left) {
          reason = 'length';
          return;
        }
        tokens += count;
        yield { text, tokens: count };
      }
    } catch (error) {
      throw signal.aborted ? error : asEngineError(error, estimated, contextTokens);
    }
  }
  try {
    const run = { pieces: pieces(), tokensIn: () => session.inputUsage || estimated, reason: () => reason };
    yield* answer(run, { stop: request.params.stop, clock, startedMs });
  } finally {
    session.destroy();
  }
}

function asEngineError(error: unknown, tokens: number, contextTokens: number): unknown {
  const name = error instanceof Error ? error.name : '';
  if (name === 'AbortError') return error;
  if (name === 'QuotaExceededError') return tooLong(Math.max(tokens, contextTokens), contextTokens);
  return new TabloomError(
    'engine-failed',
    'The model of this browser gave no answer. Ask again, or ask another peer.',
    {
      cause: error,
    },
  );
}
