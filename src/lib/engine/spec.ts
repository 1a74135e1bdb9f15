import type { ArtefactId } from '#lib/protocol/ids.ts';
import type { JobOf, Resume } from '#lib/protocol/job.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import type { KindName } from '#lib/protocol/kinds/table.ts';
import type { KnownFinishReason, Part, Usage } from '#lib/protocol/part.ts';

/**
 * How an answer is made. An engine loads a model; a loaded model streams. Types only.
 *
 * Every implementation runs `tests/compliance/engine.ts`. Errors are `TabloomError`s with these codes: `model-unknown`,
 * `model-too-large` (fit check), `model-corrupt` (hash or format), `load-failed` (network), `quota-exceeded`,
 * `no-webgpu`, `device-lost` (the engine restarts its worker; load again), `busy` (a second job beyond `slots`),
 * `too-long` (prompt past the context; `details` has `promptTokens` and `contextTokens`, nothing is left out of a prompt),
 * `bad-request` (a schema or a tool that cannot be held to), `feature-unavailable` (a hard wish that is not among the
 * `features`), `resume-unsupported`, `engine-failed`, `aborted`.
 */
export interface Engine {
  readonly info: EngineInfo;
  /**
   * Brings a model to where it can answer; at most one model at a time unless the engine says otherwise. Aborting the
   * signal cancels the download and leaves what was verified for the next try.
   */
  load(model: ModelEntry, options: LoadOptions): Promise<LoadedModel>;
  /** Frees everything, worker included. Idempotent. */
  close(): Promise<void>;
}

export interface EngineInfo {
  /** `webllm`, `wllama`, `llama`, `openai-compatible`, `scripted`. */
  readonly name: string;
  readonly build: string;
  /** Coarse: `wasm-cpu`, `native-cpu`, `webgpu-<vendor>`, `remote`. */
  readonly deviceClass: string;
}

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

export interface LoadProgress {
  readonly phase: 'download' | 'verify' | 'cache' | 'compile' | 'ready';
  readonly loadedBytes: number;
  /** 0 while unknown. */
  readonly totalBytes: number;
  readonly elapsedMs: number;
  /** Estimated from the bytes so far; undefined while it cannot be said. */
  readonly remainingMs?: number | undefined;
  readonly fromCache: boolean;
}

export interface LoadedModel {
  readonly model: ModelEntry;
  readonly engine: EngineInfo;
  readonly contextTokens: number;
  /** Kinds of work it does. */
  readonly kinds: readonly KindName[];
  /** What it can do beside that: only what its compliance suite shows. */
  readonly features: readonly Feature[];
  /** Jobs at once. A call past it throws `busy`: the queue belongs to `peer/provide`. */
  readonly slots: number;
  /**
   * Streams one answer. Ends with exactly one `finish`, or throws. Aborting the signal, or leaving the loop, stops the
   * engine within one token and frees the slot; an abort is thrown as `aborted`, not reported as a finish.
   */
  doStream(request: EngineRequest, options: { readonly signal?: AbortSignal | undefined }): AsyncIterable<EngineEvent>;
  /**
   * One score for each token of the answer, from one pass over the tokens as given (teacher forcing); nothing is
   * generated. Left out by engines that cannot. @throws `too-long`, `busy`, `aborted`.
   */
  score?(request: ScoreRequest, options: { readonly signal?: AbortSignal | undefined }): Promise<readonly TokenScore[]>;
  /** Idempotent; a running stream is aborted first. */
  unload(): Promise<void>;
  /**
   * Aborts, with a coded error as its reason, when this model can answer no more though nobody asked for that, idle or
   * not: its device was lost or its worker crashed (`device-lost`). Not after `unload`, nor when another model takes its
   * place. Load it again. Left out by engines that nothing can take away.
   */
  readonly lost?: AbortSignal | undefined;
}

/** A job as an engine sees it. An engine is asked for the kinds its model names, and for no others. */
export type EngineRequest = { [Kind in KindName]: RequestOf<Kind> }[KindName];

export type RequestOf<Kind extends KindName> = Pick<JobOf<Kind>, 'kind' | 'input' | 'params'> & {
  /**
   * Go on after this: the joined text under greedy decoding equals an uninterrupted run. With `resume-exact` its ids are
   * what the model reads; else its text, whose tokens may be others where it was cut.
   */
  readonly resume?: Resume | undefined;
  /** The files that the input names, by their SHA-256. */
  readonly blobs?: ReadonlyMap<string, Uint8Array> | undefined;
};

/** Requests that are answered with text. */
export type TextRequest = RequestOf<'chat'> | RequestOf<'completion'>;

/** Token ids to be scored: the model's own, prompt first. */
export interface ScoreRequest {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/** How likely the model finds a token at its place, after everything before it. Natural logarithms. */
export interface TokenScore {
  readonly logprob: number;
  /** Of the likeliest token there: the same as `logprob` where the token is the one greedy decoding takes. */
  readonly best: number;
}

/** A piece of the answer, or the end with its counts. A wish the engine cannot grant comes as a `warning` part. */
export type EngineEvent =
  | Part
  | {
      readonly type: 'finish';
      readonly reason: Exclude<KnownFinishReason, 'cancelled'>;
      readonly usage: Usage;
      readonly timings: EngineTimings;
    };

export interface EngineTimings {
  /** From the call to the first token. */
  readonly ttftMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
}

/** One row of the catalog: a model and where its files are. Data only. */
export interface ModelEntry {
  /** Stable, used in URLs and by the gateway: `tabloom-demo`. */
  readonly name: string;
  /** What a person reads. */
  readonly title: string;
  /** Engines that can run it, preferred first. */
  readonly engines: readonly string[];
  readonly artefact: ArtefactId;
  readonly contextTokens: number;
  readonly quantisation: string;
  readonly parameters: number;
  /** Sum of the files. */
  readonly sizeBytes: number;
  /** Memory of the device it needs while running; for the fit check. */
  readonly memoryBytes: number;
  /** The largest of its tensors, which a GPU must take as one buffer; left out while unknown. */
  readonly largestBufferBytes?: number | undefined;
  readonly licence: string;
  /** What a person should know before relying on it. */
  readonly note?: string | undefined;
  readonly source: ModelSource;
}

export type ModelSource =
  /**
   * One GGUF file; `url` may be relative to the page's origin. `sha256` in hexadecimal. `template` says how a conversation
   * is written for it, `chatml` by default: the same text for every engine.
   */
  | {
      readonly kind: 'gguf';
      readonly url: string;
      readonly sizeBytes: number;
      readonly sha256: string;
      readonly template?: 'chatml' | 'llama3' | undefined;
    }
  /** WebLLM: weights in MLC layout and a compiled library. `f16`: needs the `shader-f16` feature. */
  | {
      readonly kind: 'mlc';
      readonly weightsUrl: string;
      readonly libraryUrl: string;
      readonly f16: boolean;
      readonly integrity?: Readonly<Record<string, string>> | undefined;
    }
  /** Served by somebody else's OpenAI-compatible server. */
  | { readonly kind: 'remote'; readonly remoteName: string }
  /** The scripted double. */
  | { readonly kind: 'scripted' };
