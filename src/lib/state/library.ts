import type { ErrorRecord } from '#lib/base/errors.ts';

/** The models known to this build and their state on this device. */
export interface LibraryView {
  readonly models: readonly ModelView[];
  /** The current load, or the last one if it failed. */
  readonly load: LoadView | undefined;
  /** Name of the model that is ready to answer. */
  readonly loaded: string | undefined;
}

export interface ModelView {
  readonly name: string;
  readonly title: string;
  readonly parameters: number;
  readonly quantisation: string;
  readonly contextTokens: number;
  /** Total size of its files; undefined while unknown. */
  readonly sizeBytes: number | undefined;
  /** Bytes a load would still have to download; undefined while unknown. */
  readonly missingBytes: number | undefined;
  readonly memoryBytes: number;
  readonly licence: string;
  /** `webllm` needs WebGPU, `wllama` runs on the CPU, `prompt-api` is the browser's own. */
  readonly engine: string;
  readonly own: boolean;
  readonly cachedBytes: number;
  /** Whether this device can run it, with a message for the user. */
  readonly fit: { readonly fits: boolean; readonly reason: string };
  /** What it is for, as the catalog has it: `code`, `reasoning`; empty for an own model. */
  readonly domains: readonly string[];
  /** BCP 47 tags of the languages that it is known for. */
  readonly languages: readonly string[];
  /** The card that says so. */
  readonly cardUrl: string | undefined;
}

export interface LoadView {
  readonly model: string;
  readonly phase: 'download' | 'verify' | 'cache' | 'compile' | 'ready' | 'failed';
  readonly loadedBytes: number;
  /** 0 while unknown. */
  readonly totalBytes: number;
  readonly elapsedMs: number;
  readonly remainingMs: number | undefined;
  readonly fromCache: boolean;
  readonly error: ErrorRecord | undefined;
}

export const emptyLibrary: LibraryView = { models: [], load: undefined, loaded: undefined };
