import type { Clock } from '#lib/base/clock.ts';
import { demoModel, remoteModel } from '#lib/engine/catalog.ts';
import type { EngineLimits } from '#lib/engine/middleware/limit.ts';
import type { AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createOpenAICompatibleEngine } from '#lib/engine/openai-compatible.ts';
import { listServerModels } from '#lib/engine/remote/list-models.ts';
import type { ServerFlavour } from '#lib/engine/remote/request-body.ts';
import type { ServerFetch } from '#lib/engine/remote/server-url.ts';
import type { Engine, ModelEntry } from '#lib/engine/spec.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import { limits } from '#lib/protocol/limits.ts';

/** A model that the native peer offers, the engine that runs it, and the engine's limits for one prompt. */
export interface NativeModel {
  readonly model: ModelEntry;
  readonly engine: Engine;
  /** Concurrent answers. */
  readonly slots: number;
  readonly limits: EngineLimits;
}

/** A model server beside this process, most likely with GPUs: vLLM, Ollama, llama.cpp, or any with an OpenAI-compatible API. */
export interface ModelServer {
  /** `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  /** `detect`: by what the server's model list says. */
  readonly flavour: ServerFlavour | 'detect';
  readonly apiKey?: string | undefined;
  /** Names as the server lists them; with neither these nor `embeddingModels`, all that it lists. */
  readonly models: readonly string[];
  /** Names of the models that make embeddings only. */
  readonly embeddingModels: readonly string[];
  /** Features the operator vouches for; with `probe`, also those that a trial request shows. */
  readonly features: readonly (Feature | 'probe')[];
  /** Context of each model, in tokens of prompt and answer together. */
  readonly contextTokens: number;
  /** Concurrent answers per model: such servers batch. */
  readonly slots: number;
}

/** Tokenizing blocks the relay's only thread: this is far more than the model reads, and takes milliseconds. */
const bundledLimits = { promptCharacters: 64 * 1024 } as const;

/** The model from this repository, run by llama.cpp in this process. */
export async function bundledModels(
  modelFile: string,
  { clock }: { readonly clock: Clock },
): Promise<readonly NativeModel[]> {
  // Imported late: with a model server, llama.cpp is not needed in memory.
  const { createLlamaEngine } = await import('./llama.ts');
  const engine = createLlamaEngine({ clock, pathOf: () => modelFile });
  return [{ model: demoModel, engine, slots: 1, limits: bundledLimits }];
}

/**
 * The models of a server, which itself refuses prompts that are too long. The server is called only for what its owner has
 * not said.
 * @throws `bad-server-url`, and as {@link listServerModels} does; `load-failed` also when it lists none.
 */
export async function serverModels(
  server: ModelServer,
  { clock, fetch, signal }: { readonly clock: Clock; readonly fetch: ServerFetch } & AbortOptions,
): Promise<readonly NativeModel[]> {
  const { baseUrl, apiKey, slots, contextTokens } = server;
  const isNamed = server.models.length + server.embeddingModels.length > 0;
  const isKnown = isNamed && server.flavour !== 'detect';
  const listed = isKnown ? [] : await listServerModels({ baseUrl, apiKey, clock, fetch }, { signal });
  const names = isNamed ? server.models : listed.map(({ name }) => name).slice(0, limits.offerModelsMax);
  if (!isNamed && names.length === 0) {
    throw new TabloomError('load-failed', 'The model server lists no models. Add one to it.');
  }
  // An offer names one engine, so all of its models are asked in the same way.
  const detected = listed.find(({ flavour }) => flavour !== 'openai')?.flavour ?? 'openai';
  const flavour = server.flavour === 'detect' ? detected : server.flavour;
  const declared = server.features.filter((feature) => feature !== 'probe');
  const toModel = (task: 'text' | 'embedding') => (remoteName: string) => ({
    model: remoteModel({ remoteName, contextTokens }),
    engine: createOpenAICompatibleEngine({
      baseUrl,
      apiKey,
      flavour,
      slots,
      clock,
      fetch,
      task,
      features: { declared, probe: server.features.includes('probe') },
    }),
    slots,
    limits: {},
  });
  return [...names.map(toModel('text')), ...server.embeddingModels.map(toModel('embedding'))];
}
