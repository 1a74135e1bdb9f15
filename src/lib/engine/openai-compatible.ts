import { abortError, released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { resumedFromText, textRequest } from './answer.ts';
import { readChunks } from './remote/chunk.ts';
import { embeddingAnswer, embeddingBody } from './remote/embed.ts';
import { httpError } from './remote/http-error.ts';
import { listServerModels } from './remote/list-models.ts';
import { remoteAnswer } from './remote/remote-answer.ts';
import { requestBody, type ServerFlavour } from './remote/request-body.ts';
import {
  callServer,
  serverUrl,
  type ModelServerAddress,
  type ServerRequest,
  type ServerResponse,
} from './remote/server-url.ts';
import { createSlots } from './slots.ts';
import type { Engine, EngineEvent, EngineInfo, EngineRequest, LoadedModel, LoadOptions, ModelEntry } from './spec.ts';

export interface OpenAICompatibleOptions extends ModelServerAddress {
  readonly flavour: ServerFlavour;
  readonly clock: Clock;
  /** Concurrent requests; these servers batch. */
  readonly slots?: number;
  /** Whether loading checks that the server lists the model, as it does by default. */
  readonly checksList?: boolean;
  /** What the models are for; `text` by default. */
  readonly task?: 'text' | 'embedding';
}

const slotsDefault = 8;

/** An external model server as an engine: vLLM, Ollama, llama.cpp's server, anything with an OpenAI-compatible API. */
export function createOpenAICompatibleEngine(options: OpenAICompatibleOptions): Engine {
  const { clock, flavour, task = 'text' } = options;
  // Refused now, not at the first call.
  serverUrl(options.baseUrl);
  const info: EngineInfo = { name: 'openai-compatible', build: flavour, deviceClass: 'remote' };
  let current: LoadedModel | undefined;

  const call: RemoteOptions['call'] = (path, request) => callServer(options, path, request);

  return {
    info,
    async load(model: ModelEntry, { signal, onProgress }: LoadOptions): Promise<LoadedModel> {
      const { source } = model;
      if (source.kind !== 'remote') {
        throw new TabloomError('model-unknown', `"${model.name}" is not a server model. Choose another engine.`);
      }
      const startedMs = clock.elapsed();
      const { checksList = true } = options;
      const listed = checksList ? await listServerModels(options, { signal }) : undefined;
      if (listed?.every(({ name }) => name !== source.remoteName)) {
        throw new TabloomError(
          'model-unknown',
          `The model server has no "${source.remoteName}". Choose one of its models.`,
        );
      }
      await current?.unload();
      const count = options.slots ?? slotsDefault;
      const slots = createSlots(count, (request, streamSignal) =>
        remoteEvents(request, { call, flavour, model: source.remoteName, clock, signal: streamSignal }),
      );
      const elapsedMs = clock.elapsed() - startedMs;
      onProgress?.({ phase: 'ready', loadedBytes: 0, totalBytes: 0, elapsedMs, fromCache: false });
      current = {
        model,
        engine: info,
        contextTokens: model.contextTokens,
        kinds: task === 'text' ? ['chat', 'completion'] : ['embedding'],
        features: task === 'text' && flavour !== 'openai' ? ['resume-text'] : [],
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

interface RemoteOptions {
  readonly call: (path: string, request: Pick<ServerRequest, 'method' | 'body' | 'signal'>) => Promise<ServerResponse>;
  readonly flavour: ServerFlavour;
  readonly model: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function* remoteEvents(request: EngineRequest, options: RemoteOptions): AsyncGenerator<EngineEvent> {
  const { call, model, flavour, clock, signal } = options;
  const timing = { clock, startedMs: clock.elapsed() };
  const cut = new AbortController();
  const post = async (path: string, body: unknown): Promise<ServerResponse> => {
    const response = await call(path, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, cut.signal]),
    });
    if (!response.ok) throw await httpError(response, clock.now());
    return response;
  };
  const stall = createStallWatch({ clock, onStall: () => cut.abort(stalled()) });
  try {
    if (request.kind === 'embedding') {
      const response = await post('embeddings', embeddingBody(request, model));
      yield* embeddingAnswer(response, request, timing);
      return;
    }
    const asked = textRequest(request);
    const { path, body, unsupported } = requestBody(asked, { model, flavour });
    for (const name of unsupported) {
      const message = `This model server does not support "${name}"; it was ignored.`;
      yield { type: 'warning', code: 'parameter-ignored', message };
    }
    if (asked.resume) yield resumedFromText;
    yield* remoteAnswer(stall.watched(readChunks(await post(path, body))), asked, timing);
  } catch (cause) {
    if (signal.aborted) throw abortError(signal);
    if (cut.signal.aborted) throw abortError(cut.signal);
    if (cause instanceof TabloomError) throw cause;
    throw new TabloomError('engine-failed', 'The connection to the model server broke. Try again.', { cause });
  } finally {
    stall.end();
    // Closing the connection early is how these servers are told to stop.
    cut.abort(released);
  }
}

/** The longest pause in an answer that has begun. Before it begins, the server may be loading the model. */
const stallMs = 30_000;

const stalled = () => new TabloomError('engine-failed', 'The model server stopped in the middle of the answer.');

/** Watches the pauses between chunks, but not those that the reader takes, with one timer for all of them. */
function createStallWatch({ clock, onStall }: { readonly clock: Clock; readonly onStall: () => void }) {
  const over = new AbortController();
  /** Since when the next chunk has been waited for. */
  let waitingMs: number | undefined;
  const watch = async (ms: number): Promise<void> => {
    await clock.delay(ms, { signal: over.signal });
    const leftMs = waitingMs === undefined ? stallMs : waitingMs + stallMs - clock.elapsed();
    return leftMs <= 0 ? onStall() : watch(leftMs);
  };
  return {
    async *watched<T>(chunks: AsyncIterable<T>): AsyncGenerator<T> {
      let isFirst = true;
      for await (const chunk of chunks) {
        if (isFirst) watch(stallMs).catch(() => undefined);
        isFirst = false;
        waitingMs = undefined;
        yield chunk;
        waitingMs = clock.elapsed();
      }
    },
    end: () => over.abort(released),
  };
}
