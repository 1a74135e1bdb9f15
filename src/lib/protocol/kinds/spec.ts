import type { z } from 'zod';
import type { PartType } from '../part.ts';
import type { Output } from '../output.ts';
import type { Part } from '../part.ts';

/**
 * One kind of work: everything on the wire that distinguishes it from the others. Adding a kind takes a file here, an
 * engine that implements it and a gateway route.
 */
export interface JobKind<
  Kind extends string = string,
  Input extends z.ZodType = z.ZodType,
  Params extends z.ZodType = z.ZodType,
> {
  readonly kind: Kind;
  readonly input: Input;
  readonly params: Params;
  /** Reads what nearly all inputs are as the schema would; undefined leaves it to the schema. */
  readonly plainInput?: ((raw: unknown) => z.output<Input> | undefined) | undefined;
  /** The same for the parameters. */
  readonly plainParams?: ((raw: unknown) => z.output<Params> | undefined) | undefined;
  /** Part types a worker may answer with; any other known type is a protocol violation. `warning` is always allowed. */
  readonly parts: readonly PartType[];
  /** Appends a part to the output so far. */
  fold(output: Output, part: Part): Output;
  /** The units that prices per million of `in` and `out` refer to. */
  readonly units: { readonly in: Unit; readonly out: Unit };
  /** Channels that go into the output root, in this order; see `trust/output-root.ts`. */
  readonly outputHash: readonly OutputChannel[];
  readonly limits: KindLimits;
  /** Features a model must have for this job; a worker without them refuses before it starts. */
  needs(work: { readonly input: z.output<Input>; readonly params: z.output<Params> }): readonly Feature[];
  /** Prompt length in UTF-16 code units, for estimates; blobs contribute nothing. */
  promptLength(input: z.output<Input>): number;
  /** Files referenced by the input; their bytes follow `open`. */
  blobs(input: z.output<Input>): readonly BlobRef[];
}

export type Unit = 'token' | 'character' | 'second' | 'image' | 'vector' | 'nothing';
export type OutputChannel = 'text' | 'ids' | 'reasoning' | 'tool-calls' | 'data';

export interface KindLimits {
  /** Total size of all files of one job. */
  readonly blobBytesMax: number;
  readonly blobsMax: number;
  /** Total bytes of `data-delta` and `embedding` parts. */
  readonly dataBytesMax: number;
}

/** A file whose bytes follow `open` in frames of at most 64 KiB, in order of first mention in the input. */
export interface BlobRef {
  readonly mime: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What an offered model supports, as shown by its engine's compliance suite; an open word on the wire. */
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
