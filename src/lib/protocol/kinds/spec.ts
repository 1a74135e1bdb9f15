import type { z } from 'zod';
import type { PartType } from '../part.ts';
import type { Output } from '../output.ts';
import type { Part } from '../part.ts';

/**
 * One kind of work, as a row: everything that tells it from the others on the wire. A new kind is a file here, one
 * engine that does it and one route of the gateway.
 */
export interface JobKind<
  Kind extends string = string,
  Input extends z.ZodType = z.ZodType,
  Params extends z.ZodType = z.ZodType,
> {
  readonly kind: Kind;
  readonly input: Input;
  readonly params: Params;
  /** What a worker may answer with; a part of another type is a breach. `warning` is always allowed. */
  readonly parts: readonly PartType[];
  /** Adds a part to what has arrived. */
  fold(output: Output, part: Part): Output;
  /** What a price for a million of `in` and of `out` counts. */
  readonly units: { readonly in: Unit; readonly out: Unit };
  /** What goes into the output's root, in this order; see `trust/output-root.ts`. */
  readonly outputHash: readonly OutputChannel[];
  readonly limits: KindLimits;
  /** What a model must have to do this job; a hard wish is met or refused before work. */
  needs(work: { readonly input: z.output<Input>; readonly params: z.output<Params> }): readonly Feature[];
  /** Characters (UTF-16) that the model reads, for estimates; blobs contribute nothing. */
  promptLength(input: z.output<Input>): number;
  /** Files named in the input, which follow `open`. */
  blobs(input: z.output<Input>): readonly BlobRef[];
}

export type Unit = 'token' | 'character' | 'second' | 'image' | 'vector' | 'nothing';
export type OutputChannel = 'text' | 'ids' | 'reasoning' | 'tool-calls' | 'data';

export interface KindLimits {
  /** Of all files of one job together. */
  readonly blobBytesMax: number;
  readonly blobsMax: number;
  /** Bytes of `data-delta` and `embedding` parts together. */
  readonly dataBytesMax: number;
}

/** A file: its bytes follow `open` in frames of at most 64 KiB, in the order in which the input names them. */
export interface BlobRef {
  readonly mime: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What an offered model can do, as its engine's compliance suite shows; an open word on the wire. */
export type Feature = (typeof features)[number];
export const features = [
  'tools',
  'json-schema',
  'logprobs',
  'logit-bias',
  'vision',
  'seed',
  'reasoning',
  'resume-exact',
  'resume-text',
] as const;

export const noBlobs: KindLimits = { blobBytesMax: 0, blobsMax: 0, dataBytesMax: 0 };
