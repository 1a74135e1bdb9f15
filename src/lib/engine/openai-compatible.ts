import { abortError, joinSignals, released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { tap } from '#lib/base/tap.ts';
import { resumedFromText, textRequest } from './answer.ts';
import { readChunks } from './remote/chunk.ts';
import { embeddingAnswer, embeddingBody } from './remote/embed.ts';
import { httpError } from './remote/http-error.ts';
import { listServerModels } from './remote/list-models.ts';
import { remoteAnswer } from './remote/remote-answer.ts';
import { scoreRemote } from './remote/score.ts';
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
        ...(task === 'text' && flavour === 'vllm'
          ? {
              score: (request, { signal: scoreSignal }) =>
                slots.hold((held) => {
                  const post = postTo(call, { clock, signal: held });
                  return scoreRemote(request, { post, model: source.remoteName, contextTokens: model.contextTokens });
                }, scoreSignal),
            }
          : {}),
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

const postTo =
  (call: RemoteOptions['call'], { clock, signal }: Pick<RemoteOptions, 'clock' | 'signal'>) =>
  async (path: string, body: unknown): Promise<ServerResponse> => {
    const response = await call(path, { method: 'POST', body: JSON.stringify(body), signal });
    if (!response.ok) throw await httpError(response, clock.now());
    return response;
  };

function remoteEvents(request: EngineRequest, options: RemoteOptions): AsyncIterable<EngineEvent> {
  const { call, model, flavour, clock, signal } = options;
  const timing = { clock, startedMs: clock.elapsed() };
  const cut = joinSignals([signal]);
  const post = postTo(call, { clock, signal: cut.signal });
  const stall = createStallWatch({ clock, onStall: () => cut.abort(stalled()) });

  const begin = async (): Promise<AsyncIterable<EngineEvent>> => {
    if (request.kind === 'embedding') {
      return embeddingAnswer(await post('embeddings', embeddingBody(request, model)), request, timing);
    }
    const asked = textRequest(request);
    const { path, body, unsupported } = requestBody(asked, { model, flavour });
    const warnings = unsupported.map((name): EngineEvent => {
      const message = `This model server does not support "${name}"; it was ignored.`;
      return { type: 'warning', code: 'parameter-ignored', message };
    });
    if (asked.resume) warnings.push(resumedFromText);
    const response = await post(path, body).catch((error: unknown) => {
      throw asked.kind === 'completion' && hasNoRoute(error) ? noRawPrompts(error) : error;
    });
    const answer = remoteAnswer(stall.watched(readChunks(response)), asked, timing);
    return warnings.length === 0 ? answer : after(warnings, answer);
  };

  return tap(begin, {
    onError: (cause) => {
      if (signal.aborted) throw abortError(signal);
      if (cut.signal.aborted) throw abortError(cut.signal);
      if (cause instanceof TabloomError) throw cause;
      throw new TabloomError('engine-failed', 'The connection to the model server broke. Try again.', { cause });
    },
    onEnd: () => {
      stall.end();
      // Closing the connection early is how these servers are told to stop.
      cut.abort(released);
    },
  });
}

/** Many servers only chat. That says nothing of the model. */
const hasNoRoute = (error: unknown): error is TabloomError =>
  error instanceof TabloomError && [404, 405, 501].includes(Number(error.details['status']));

const noRawPrompts = ({ details }: TabloomError): TabloomError =>
  new TabloomError('feature-unavailable', 'This model server does not continue raw prompts. Send a chat.', { details });

async function* after<T>(first: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield* first;
  yield* rest;
}

/** The longest pause in an answer that has begun. Before it begins, the server may be loading the model. */
const stallMs = 30_000;

const stalled = () => new TabloomError('engine-failed', 'The model server stopped in the middle of the answer.');

/** Watches the pauses between chunks, but not those that the reader takes, with one timer for all of them. */
function createStallWatch({ clock, onStall }: { readonly clock: Clock; readonly onStall: () => void }) {
  /** Since when the next chunk has been waited for. */
  let waitingMs: number | undefined;
  let isWatching = false;
  let letGo = () => {};
  const watch = (ms: number): void => {
    isWatching = true;
    letGo = clock.after(ms, () => {
      const leftMs = waitingMs === undefined ? stallMs : waitingMs + stallMs - clock.elapsed();
      if (leftMs <= 0) onStall();
      else watch(leftMs);
    });
  };
  return {
    watched: <T>(chunks: AsyncIterable<T>): AsyncIterable<T> =>
      tap(() => chunks, {
        onRead: () => {
          if (isWatching) waitingMs = clock.elapsed();
        },
        onValue: () => {
          waitingMs = undefined;
          if (!isWatching) watch(stallMs);
        },
      }),
    end: () => letGo(),
  };
}
