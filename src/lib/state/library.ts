import type { ErrorRecord } from '#lib/base/errors.ts';

/** The models known to this build and their state on this device. */
export interface LibraryView {
  readonly models: readonly ModelView[];
  /** The loads in progress, and those that failed until they are tried again. */
  readonly loads: readonly LoadView[];
  /** Names of the models that are ready to answer, the one that was loaded last first: it is meant by "any model". */
  readonly loaded: readonly string[];
  /** Bytes of memory that they may take together; left out until the device has been examined. */
  readonly memoryBytesMax?: number;
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
  /** What it was built from, where that is known. */
  readonly base?: string | undefined;
  /** Of several builds of one model; left out where there is no other. */
  readonly build?: BuildView | undefined;
}

export interface BuildView {
  /** Whether it is the one to use here; the others are not proposed. */
  readonly chosen: boolean;
  /** `only`: no other runs here; `faster`: the fastest of those that were measured; `unmeasured`: not all were yet. */
  readonly why: 'only' | 'faster' | 'unmeasured';
  /** Tokens a second as measured on this device; undefined until it was. */
  readonly decodeTps: number | undefined;
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

export const emptyLibrary: LibraryView = { models: [], loads: [], loaded: [] };
