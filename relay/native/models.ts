import type { Clock } from '#lib/base/clock.ts';
import { demoModel, remoteModel } from '#lib/engine/catalog.ts';
import type { EngineLimits } from '#lib/engine/middleware/limit.ts';
import { createOpenAICompatibleEngine } from '#lib/engine/openai-compatible.ts';
import type { ServerFlavour } from '#lib/engine/remote/request-body.ts';
import type { Engine, ModelEntry } from '#lib/engine/spec.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';

/** A model that the native peer offers, the engine that runs it, and the engine's limits for one prompt. */
export interface NativeModel {
  readonly model: ModelEntry;
  readonly engine: Engine;
  /** Concurrent answers. */
  readonly slots: number;
  readonly limits: EngineLimits;
}

/** A model server beside this relay, most likely with GPUs: vLLM, Ollama, llama.cpp, or any with an OpenAI-compatible API. */
export interface ModelServer {
  /** `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly flavour: ServerFlavour;
  readonly apiKey?: string | undefined;
  /** Names as the server lists them; at least one of these or of `embeddingModels`. */
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

/** The models of a server, which itself refuses prompts that are too long. @throws `bad-server-url`. */
export function serverModels(
  server: ModelServer,
  { clock, fetch }: { readonly clock: Clock; readonly fetch: typeof globalThis.fetch },
): readonly NativeModel[] {
  const { baseUrl, flavour, apiKey, slots, contextTokens } = server;
  const declared = server.features.filter((feature) => feature !== 'probe');
  const toModel = (task: 'text' | 'embedding') => (remoteName: string) => ({
    model: remoteModel({ remoteName, contextTokens }),
    engine: createOpenAICompatibleEngine({
      baseUrl,
      flavour,
      slots,
      clock,
      fetch,
      task,
      features: { declared, probe: server.features.includes('probe') },
      ...(apiKey === undefined ? {} : { apiKey }),
    }),
    slots,
    limits: {},
  });
  return [...server.models.map(toModel('text')), ...server.embeddingModels.map(toModel('embedding'))];
}
