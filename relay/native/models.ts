import type { Clock } from '#lib/base/clock.ts';
import { demoModel, remoteModel } from '#lib/engine/catalog.ts';
import type { EngineLimits } from '#lib/engine/middleware/limit.ts';
import { createOpenAICompatibleEngine } from '#lib/engine/openai-compatible.ts';
import type { ServerFlavour } from '#lib/engine/remote/request-body.ts';
import type { Engine, ModelEntry } from '#lib/engine/spec.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';

/** A model that the native peer offers, the engine that answers for it, and what one prompt may cost that engine. */
export interface Shelved {
  readonly model: ModelEntry;
  readonly engine: Engine;
  /** Answers at once. */
  readonly slots: number;
  readonly limits: EngineLimits;
}

/** A server beside this relay, with real GPUs most likely: vLLM, Ollama, llama.cpp's, anything that speaks OpenAI's protocol. */
export interface ModelServer {
  /** `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  readonly flavour: ServerFlavour;
  readonly apiKey?: string | undefined;
  /** Names as the server lists them; at least one of these or of `embeddingModels`. */
  readonly models: readonly string[];
  /** Names of those that make embeddings, and nothing else. */
  readonly embeddingModels: readonly string[];
  /** What the models can do, as their owner knows; `probe` among them: what they show when they are tried. */
  readonly features: readonly (Feature | 'probe')[];
  /** Tokens of prompt and answer together that each of them takes. */
  readonly contextTokens: number;
  /** Answers at once for each model: such servers batch. */
  readonly slots: number;
}

/** Cutting a prompt into tokens holds up the relay's one thread: far more than the model reads, and milliseconds of work. */
const bundledLimits = { promptCharacters: 64 * 1024 } as const;

/** The model of this repository on llama.cpp inside this process. */
export async function bundledShelf(
  modelFile: string,
  { clock }: { readonly clock: Clock },
): Promise<readonly Shelved[]> {
  // Whoever has a server of their own does not need llama.cpp in memory.
  const { createLlamaEngine } = await import('./llama.ts');
  const engine = createLlamaEngine({ clock, pathOf: () => modelFile });
  return [{ model: demoModel, engine, slots: 1, limits: bundledLimits }];
}

/** The models of a server. Prompts too long for them are the server's to refuse. @throws `bad-server-url`. */
export function serverShelf(
  server: ModelServer,
  { clock, fetch }: { readonly clock: Clock; readonly fetch: typeof globalThis.fetch },
): readonly Shelved[] {
  const { baseUrl, flavour, apiKey, slots, contextTokens } = server;
  const declared = server.features.filter((feature) => feature !== 'probe');
  const shelved = (task: 'text' | 'embedding') => (remoteName: string) => ({
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
  return [...server.models.map(shelved('text')), ...server.embeddingModels.map(shelved('embedding'))];
}
