import { z } from 'zod';
import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { answer, textRequest, type RawRun } from './answer.ts';
import { chunkText, readChunk } from './remote/chunk.ts';
import { httpError } from './remote/http-error.ts';
import { requestBody, type ServerFlavour } from './remote/request-body.ts';
import { readEvents } from './remote/sse.ts';
import { serverUrl } from './remote/server-url.ts';
import { createSlots } from './slots.ts';
import type { Engine, EngineInfo, LoadedModel, LoadOptions, ModelEntry, TextRequest } from './spec.ts';
import type { RawPiece } from './stop-filter.ts';

export interface OpenAICompatibleOptions {
  /** `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly flavour: ServerFlavour;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly apiKey?: string;
  /** Requests at once; such servers batch. */
  readonly slots?: number;
}

const slotsDefault = 8;
const modelsSchema = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })).max(10_000) });

/** Somebody else's server as an engine: vLLM, Ollama, llama.cpp's server, anything that speaks OpenAI's protocol. */
export function createOpenAICompatibleEngine(options: OpenAICompatibleOptions): Engine & {
  /** Names of the models the server has. @throws as `load` does. */
  listModels(options?: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
} {
  const base = serverUrl(options.baseUrl);
  const info: EngineInfo = { name: 'openai-compatible', build: options.flavour, deviceClass: 'remote' };
  let current: LoadedModel | undefined;

  const call = (path: string, init: RequestInit) =>
    options.fetch(new URL(path, base), {
      ...init,
      // A server that sends elsewhere could reach what only this machine may reach.
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
      },
    });

  async function listModels({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<
    readonly string[]
  > {
    throwIfAborted(signal);
    try {
      const response = await call('models', signal ? { signal } : {});
      if (!response.ok) throw await httpError(response);
      return modelsSchema.parse(await response.json()).data.map(({ id }) => id);
    } catch (cause) {
      throwIfAborted(signal);
      // A refused key or a busy server says so itself; a status that speaks of a model means nothing where none is named.
      if (cause instanceof TabloomError && cause.code !== 'model-unknown') throw cause;
      throw new TabloomError('load-failed', 'The model server does not answer. Start it or correct its address.', {
        cause,
      });
    }
  }

  return {
    info,
    listModels,
    async load(model: ModelEntry, { signal, onProgress }: LoadOptions): Promise<LoadedModel> {
      const { source } = model;
      if (source.kind !== 'remote') {
        throw new TabloomError('model-unknown', `"${model.name}" is no model of a server. Choose another engine.`);
      }
      const startedMs = options.clock.elapsed();
      const names = await listModels({ signal });
      if (!names.includes(source.remoteName)) {
        throw new TabloomError(
          'model-unknown',
          `The model server has no "${source.remoteName}". Choose one that it lists.`,
        );
      }
      await current?.unload();
      const count = options.slots ?? slotsDefault;
      const slots = createSlots(count, (asked, streamSignal) => {
        const request = textRequest(asked);
        const at = options.clock.elapsed();
        const run = remoteRun(request, {
          call,
          flavour: options.flavour,
          model: source.remoteName,
          signal: streamSignal,
        });
        return answer(run, { stop: request.params.stop, clock: options.clock, startedMs: at });
      });
      const elapsedMs = options.clock.elapsed() - startedMs;
      onProgress?.({ phase: 'ready', loadedBytes: 0, totalBytes: 0, elapsedMs, fromCache: false });
      current = {
        model,
        engine: info,
        contextTokens: model.contextTokens,
        kinds: ['chat', 'completion'],
        features: options.flavour === 'openai' ? [] : ['resume-text'],
        slots: count,
        doStream: slots.doStream,
        unload: slots.close,
      };
      return current;
    },
    async close() {
      await current?.unload();
    },
  };
}

interface RemoteRunOptions {
  readonly call: (path: string, init: RequestInit) => Promise<Response>;
  readonly flavour: ServerFlavour;
  readonly model: string;
  readonly signal: AbortSignal;
}

function remoteRun(request: TextRequest, options: RemoteRunOptions): RawRun {
  const end = { tokensIn: 0, reason: 'stop' as 'stop' | 'length' };
  return {
    pieces: remotePieces(request, options, end),
    tokensIn: () => end.tokensIn,
    reason: () => end.reason,
  };
}

/**
 * Tokens of a piece: by the server's running count where it keeps one, else one a piece. The final usage is believed:
 * what is missing to it comes as a last piece without text.
 */
async function* remotePieces(
  request: TextRequest,
  { call, flavour, model, signal }: RemoteRunOptions,
  end: { tokensIn: number; reason: 'stop' | 'length' },
): AsyncGenerator<RawPiece> {
  const { path, body } = requestBody(request, { model, flavour });
  const cut = new AbortController();
  try {
    const response = await call(path, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, cut.signal]),
    });
    if (!response.ok) throw await httpError(response);
    if (!response.body) throw new TabloomError('engine-failed', 'The model server sent no answer.');
    let counted = 0;
    let finished = false;
    for await (const data of readEvents(response.body)) {
      if (data === '[DONE]') break;
      const chunk = readChunk(data);
      const text = chunkText(chunk);
      const made = chunk.usage?.completion_tokens ?? chunk.timings?.predicted_n ?? counted + 1;
      if (text !== '') {
        yield { text, tokens: Math.max(0, made - counted) };
        counted = Math.max(counted, made);
      } else if (chunk.usage && made > counted) {
        yield { text: '', tokens: made - counted };
        counted = made;
      }
      if (chunk.usage) end.tokensIn = chunk.usage.prompt_tokens;
      const reason = chunk.choices[0]?.finish_reason;
      if (reason) {
        finished = true;
        end.reason = reason === 'length' ? 'length' : 'stop';
      }
    }
    if (!finished) throw new TabloomError('engine-failed', 'The model server broke off in the middle of the answer.');
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    if (cause instanceof TabloomError) throw cause;
    throw new TabloomError('engine-failed', 'The connection to the model server broke. Try again.', { cause });
  } finally {
    // Leaving early closes the connection, which is how such servers are told to stop.
    cut.abort();
  }
}
