import type { JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { RequestWarning } from './warnings.ts';

/** A request of any route as this network does it. */
export interface Wish {
  /** With the files that the input names, by their SHA-256. */
  readonly ask: AskRequest & { readonly blobs?: ReadonlyMap<string, Uint8Array> };
  /** The model's name as the caller wrote it. */
  readonly model: string;
  readonly answer: 'whole' | 'streamed';
  readonly usageChunk: 'sent' | 'omitted';
  /** The limit the answer is made under; undefined where its kind has none. */
  readonly maxTokens: number | undefined;
  /** Of the model, where somebody serves it. */
  readonly contextTokens: number | undefined;
  readonly warnings: readonly RequestWarning[];
  readonly form: AnswerForm;
}

/** What stands in every object of one answer. */
export interface AnswerHead {
  /** The job's id. */
  readonly id: string;
  /** The model as the caller named it; the answer says the worker's name for it. */
  readonly model: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly maxTokens: number | undefined;
  readonly warnings: readonly RequestWarning[];
}

/** How a kind of answer is written. */
export interface AnswerForm {
  whole(head: AnswerHead, state: JobState): object;
  chunks(head: AnswerHead, usageChunk: Wish['usageChunk']): ChunkWriter;
}

/** Server-sent events of one answer; the empty text is none. */
export interface ChunkWriter {
  begin(): string;
  part(part: Part): string;
  /** The last chunks, of which the very last carries who answered and the receipt. */
  finish(state: JobState): string;
}
