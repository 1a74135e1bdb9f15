import type { ServerFlavour } from '#lib/engine/remote/request-body.ts';
import type { ServerFetch } from '#lib/engine/remote/server-url.ts';
import type { AllowanceLimits } from './allowance.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';

/** A model server beside this process, most likely with GPUs: vLLM, Ollama, llama.cpp, or any with an OpenAI-compatible API. */
export interface BackendConfig {
  /** `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  /** `detect`: by what the server's model list says. */
  readonly flavour: ServerFlavour | 'detect';
  readonly apiKey?: string | undefined;
  readonly fetch: ServerFetch;
  /** Names as the server lists them, `*` for any characters; all that it lists if there are none. */
  readonly allow: readonly string[];
  /** Names that are not offered although they are allowed. */
  readonly deny: readonly string[];
  /** The names under which models are offered, by the server's names. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Names of the models that make embeddings only. Others that refuse a chat are tried for it. */
  readonly embeddingModels: readonly string[];
  /** Features the operator vouches for; with `probe`, also those that a trial request shows. */
  readonly features: readonly (Feature | 'probe')[];
  /** Context of each model, in tokens of prompt and answer together; what the server says, or 4,096, if undefined. */
  readonly contextTokens: number | undefined;
  /** Concurrent answers per model: such servers batch. */
  readonly slots: number;
  /** How many of them only the owner's jobs may take: fewer than all. */
  readonly reserve: number;
  /** Its share of the work, relative to other servers of the same model. */
  readonly weight: number;
  /** A server of others that its owner pays, asked only where his own are full or gone, within these limits. */
  readonly overflow: AllowanceLimits | undefined;
}

/** Whether the owner offers this model of the server. */
export function isOffered({ allow, deny, embeddingModels }: BackendConfig, name: string): boolean {
  const matches = (patterns: readonly string[]) => patterns.some((pattern) => matchesPattern(pattern, name));
  const isAllowed = allow.length + embeddingModels.length === 0 || matches(allow) || embeddingModels.includes(name);
  return isAllowed && !matches(deny);
}

/** `*` stands for any characters; everything else for itself. */
function matchesPattern(pattern: string, name: string): boolean {
  const [first, ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  if (!name.startsWith(first!)) return false;
  let at = first!.length;
  for (const [index, piece] of rest.entries()) {
    if (index === rest.length - 1) return name.length >= at + piece.length && name.endsWith(piece);
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}
