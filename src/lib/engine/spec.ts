import type { ArtefactId, JobId } from '#lib/protocol/ids.ts';
import type { JobOf, Resume } from '#lib/protocol/job.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import type { KindName } from '#lib/protocol/kinds/table.ts';
import type { KnownFinishReason, Part, Usage } from '#lib/protocol/part.ts';

/**
 * The engine port. An engine loads a model; a loaded model streams answers. Types only.
 *
 * Every implementation runs `tests/compliance/engine.ts`. Errors are `TabloomError`s with these codes: `model-unknown`,
 * `model-too-large` (fit check), `model-corrupt` (hash or format), `load-failed` (network), `quota-exceeded`,
 * `no-webgpu`, `device-lost` (the engine restarts its worker; load again), `busy` (a second job beyond `slots`),
 * `too-long` (prompt exceeds the context; `details` has `promptTokens` and `contextTokens`; a prompt is never
 * truncated), `bad-request` (a schema or tool that cannot be enforced), `feature-unavailable` (a requirement that is
 * not among the `features`), `resume-unsupported`, `score-unsupported`, `engine-failed`, `aborted`.
 */
export interface Engine {
  readonly info: EngineInfo;
  /**
   * Makes a model ready to answer; one model at a time unless the engine states otherwise. Aborting the signal cancels
   * the download and keeps what has been verified for the next attempt.
   */
  load(model: ModelEntry, options: LoadOptions): Promise<LoadedModel>;
  /** Frees all resources, the worker included. Idempotent. */
  close(): Promise<void>;
}

export interface EngineInfo {
  /** `webllm`, `wllama`, `llama`, `openai-compatible`, `prompt-api`, `scripted`. */
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
  /** Estimated from the rate so far; undefined while unknown. */
  readonly remainingMs?: number | undefined;
  readonly fromCache: boolean;
}

export interface LoadedModel {
  readonly model: ModelEntry;
  readonly engine: EngineInfo;
  readonly contextTokens: number;
  /** Supported kinds of work. */
  readonly kinds: readonly KindName[];
  /** Supported features: only those its compliance suite proves. */
  readonly features: readonly Feature[];
  /** It is answered by another provider, which this peer pays: not on this machine. */
  readonly upstream?: true | undefined;
  /** It is answered by other peers, which this one pays out of what its asker pays: it is told which job it works on. */
  readonly hub?: true | undefined;
  /** Concurrent jobs. Calls beyond it throw `busy`; queueing is up to `peer/serve`. */
  readonly slots: number;
  /**
   * Streams one answer. Ends with exactly one `finish`, or throws. Aborting the signal or leaving the loop stops the
   * engine within one token and frees the slot; an abort is thrown as `aborted`, not reported as a finish.
   */
  doStream(request: EngineRequest, options: { readonly signal?: AbortSignal | undefined }): AsyncIterable<EngineEvent>;
  /**
   * One score per token of the answer, from a single pass over the given tokens (teacher forcing); nothing is
   * generated. Absent on engines that do not support it. @throws `too-long`, `busy`, `aborted`; `score-unsupported` where this
   * engine cannot tell: some take no ids for a prompt, and some read tokens back from text, which may be others.
   */
  score?(request: ScoreRequest, options: { readonly signal?: AbortSignal | undefined }): Promise<readonly TokenScore[]>;
  /** Aborts running streams first. Idempotent. */
  unload(): Promise<void>;
  /**
   * Aborts, with a coded error as its reason, when this model unexpectedly stops working, idle or not: its device was
   * lost or its worker crashed (`device-lost`). It does not abort after `unload` or when another model replaces this
   * one. Load the model again. Absent on engines this cannot happen to.
   */
  readonly lost?: AbortSignal | undefined;
}

/** A job as an engine sees it; its kind is always one of the model's `kinds`. */
export type EngineRequest = { [Kind in KindName]: RequestOf<Kind> }[KindName];

export type RequestOf<Kind extends KindName> = Pick<JobOf<Kind>, 'kind' | 'input' | 'params'> & {
  /**
   * Continue after this: under greedy decoding the joined text equals that of an uninterrupted run. With `resume-exact`
   * the model is fed these ids, otherwise the text, whose tokens may differ around the cut.
   */
  readonly resume?: Resume | undefined;
  /** The job's id, for a hub. */
  readonly job?: JobId | undefined;
  /** The files referenced by the input, by SHA-256. */
  readonly blobs?: ReadonlyMap<string, Uint8Array> | undefined;
};

/** Requests answered with text. */
export type TextRequest = RequestOf<'chat'> | RequestOf<'completion'>;

/** What to score, prompt first: as the model would be asked, or as token ids of its own vocabulary. */
export interface ScoreRequest {
  readonly prompt: TextRequest | readonly number[];
  readonly answer: readonly number[];
  /** What the answer is said to read as: `bad-request` where its tokens read otherwise. */
  readonly text?: string | undefined;
  /**
   * How the answer is said to have ended. After `stop` one more score follows, of the end of the text, and every score has `end`; both
   * only if the engine can tell.
   */
  readonly ending?: 'stop' | 'length' | undefined;
  /**
   * Asks for `sampled`, at this temperature above 0; no top-p, top-k or penalty is applied. It costs a look at the whole
   * vocabulary for each position.
   */
  readonly distribution?: { readonly temperature: number } | undefined;
}

/** The log-probability (natural, at temperature 1) of a token given everything before it. */
export interface TokenScore {
  readonly logprob: number;
  /**
   * That of the most likely token at this position: equal to `logprob` if greedy decoding would have chosen this token.
   */
  readonly best: number;
  /** That of the end of the text at this position: of all tokens that end it. */
  readonly end?: number | undefined;
  /** Absent unless asked for, and on engines that do not show whole distributions. */
  readonly sampled?: SampledScore | undefined;
}

/** Of the distribution a sampler draws from, in nats: −log p of the token, its mean and variance, and 2 log Σ √p. */
export interface SampledScore {
  readonly surprise: number;
  readonly entropy: number;
  readonly variance: number;
  readonly renyiHalf: number;
}

/**
 * A piece of the answer, or its end with usage and timings. Parameters the engine ignores are reported as `warning`
 * parts.
 */
export type EngineEvent =
  | Part
  | {
      readonly type: 'finish';
      readonly reason: Exclude<KnownFinishReason, 'cancelled' | 'unpaid' | 'budget'>;
      readonly usage: Usage;
      readonly timings: EngineTimings;
    };

export interface EngineTimings {
  /** From the call to the first token. */
  readonly ttftMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
}

/** One catalog entry: a model and where its files are. Data only. */
export interface ModelEntry {
  /** Stable, used in URLs and by the gateway: `tabloom-demo`. */
  readonly name: string;
  /** Display name. */
  readonly title: string;
  /** What it was built from: entries with the same one are builds of one model, of which the faster is used. */
  readonly base?: string | undefined;
  /** Engines that can run it, preferred first. */
  readonly engines: readonly string[];
  readonly artefact: ArtefactId;
  readonly contextTokens: number;
  readonly quantisation: string;
  readonly parameters: number;
  /** Total size of the files. */
  readonly sizeBytes: number;
  /** Device memory needed while running; for the fit check. */
  readonly memoryBytes: number;
  /** Size of its largest tensor, which must fit into one GPU buffer; absent if unknown. */
  readonly largestBufferBytes?: number | undefined;
  readonly licence: string;
  /** A caveat shown to users. */
  readonly note?: string | undefined;
  readonly source: ModelSource;
}

export type ModelSource =
  /**
   * One GGUF file; `url` may be relative to the page's origin. `sha256` in hexadecimal. `template` is the prompt
   * format, `chatml` by default, and the same for every engine.
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
  /** Served by an external OpenAI-compatible server. */
  | { readonly kind: 'remote'; readonly remoteName: string }
  /** The browser has it, and nothing of it is known here. */
  | { readonly kind: 'browser' }
  /** The scripted double. */
  | { readonly kind: 'scripted' };
