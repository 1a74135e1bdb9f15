import type { ErrorRecord } from '#lib/base/errors.ts';

/** The models this build knows, and what this device holds of them. */
export interface LibraryView {
  readonly models: readonly ModelView[];
  /** The load under way, or the last one that failed. */
  readonly load: LoadView | undefined;
  /** Name of the model that can answer now. */
  readonly loaded: string | undefined;
}

export interface ModelView {
  readonly name: string;
  readonly title: string;
  readonly parameters: number;
  readonly quantisation: string;
  readonly contextTokens: number;
  /** Of its files; undefined while nobody has said. */
  readonly sizeBytes: number | undefined;
  /** What a load would still download; undefined while that is unknown. */
  readonly missingBytes: number | undefined;
  readonly memoryBytes: number;
  readonly licence: string;
  /** `webllm` needs WebGPU, `wllama` runs on the processor. */
  readonly engine: string;
  readonly own: boolean;
  readonly cachedBytes: number;
  /** Whether this device can run it, with the reason in a sentence when it cannot. */
  readonly fit: { readonly fits: boolean; readonly reason: string };
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
