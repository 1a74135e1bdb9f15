import { z } from 'zod';
import { artefactIdSchema, type ArtefactId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';

const word = z.string().max(limits.nameLengthMax);
/** Where tokens were made. Honest devices differ most by their kernels, so each is a row of its own. */
export type KernelClass = z.output<typeof kernelSchema>;
const kernelSchema = z.strictObject({
  /** `llama`, `wllama`, as an offer states them. */
  engine: word,
  build: word,
  /** `native-cpu`, `wasm-cpu`, `webgpu-<vendor>`. */
  deviceClass: word,
});

/** The margins of honest greedy answers that one kernel class made and another scored, in nats. */
export interface Calibration {
  /** How many tokens were looked at. */
  readonly tokens: number;
  readonly mean: number;
  /** Standard deviation of one token's clipped margin. */
  readonly sd: number;
  readonly max: number;
}

/** A row for fewer tokens would call a margin unheard of that was only not heard yet. */
export const calibrationTokensMin = 20_000;

const nats = z.number().min(0).max(1e3);
export type CalibrationRow = z.output<typeof calibrationRowSchema>;
export const calibrationRowSchema = z.strictObject({
  artefact: artefactIdSchema,
  worker: kernelSchema,
  validator: kernelSchema,
  tokens: z.number().int().min(calibrationTokensMin, `a row rests on ${calibrationTokensMin} tokens at least`),
  mean: nats,
  sd: nats,
  max: nats,
});

/** What a network has published, and all who judge in it go by. */
export const calibrationRowsSchema = z.array(calibrationRowSchema).max(256);

export const kernelOf = ({ name, build, deviceClass }: Kernel): KernelClass => ({ engine: name, build, deviceClass });
type Kernel = { readonly name: string; readonly build: string; readonly deviceClass: string };

/** The rows of what this kernel class answers with this artefact, by whomever it was scored. */
export const rowsOf = (
  rows: readonly CalibrationRow[],
  artefact: ArtefactId,
  worker: KernelClass,
): readonly CalibrationRow[] => rows.filter((row) => row.artefact === artefact && isSame(row.worker, worker));

/** Of these rows that of this validator; undefined where none was measured. */
export const calibrationOf = (
  rows: readonly CalibrationRow[],
  validator: KernelClass | undefined,
): Calibration | undefined => validator && rows.find((row) => isSame(row.validator, validator));

const isSame = (one: KernelClass, other: KernelClass): boolean =>
  one.engine === other.engine && one.build === other.build && one.deviceClass === other.deviceClass;

/** The margins of some answers, as they are added up: tokens, their sum, the sum of their squares, and the largest. */
export interface MarginSums {
  readonly tokens: number;
  readonly sum: number;
  readonly squares: number;
  readonly max: number;
}

export const noMargins: MarginSums = { tokens: 0, sum: 0, squares: 0, max: 0 };

/** @param margins clipped, in nats. */
export const addToSums = (sums: MarginSums, margins: readonly number[]): MarginSums =>
  margins.reduce(
    ({ tokens, sum, squares, max }, one) => ({
      tokens: tokens + 1,
      sum: sum + one,
      squares: squares + one * one,
      max: Math.max(max, one),
    }),
    sums,
  );

/**
 * A calibration by the answers of several workers, each of which counts for a quarter of the tokens that are needed at most: one worker
 * alone says nothing of its kind. Undefined where they are too few.
 */
export function calibrationFrom(parts: readonly MarginSums[]): Calibration | undefined {
  const counted = parts.reduce((sum, { tokens }) => sum + Math.min(tokens, calibrationTokensMin / 4), 0);
  if (counted < calibrationTokensMin) return undefined;
  const { tokens, sum, squares, max } = parts.reduce(
    (all, one) => ({
      tokens: all.tokens + one.tokens,
      sum: all.sum + one.sum,
      squares: all.squares + one.squares,
      max: Math.max(all.max, one.max),
    }),
    noMargins,
  );
  const mean = sum / tokens;
  return { tokens, mean, sd: Math.sqrt(Math.max(0, squares / tokens - mean * mean)), max };
}
