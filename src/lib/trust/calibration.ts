import type { ArtefactId } from '#lib/protocol/ids.ts';

/** Where tokens were made. Honest devices differ most by their kernels, so each is a row of its own. */
export interface KernelClass {
  /** `llama`, `wllama`, as an offer states them. */
  readonly engine: string;
  readonly build: string;
  /** `native-cpu`, `wasm-cpu`, `webgpu-<vendor>`. */
  readonly deviceClass: string;
}

/** The margins of honest greedy answers that one kernel class made and another scored, in nats. */
export interface Calibration {
  /** How many tokens were looked at. */
  readonly tokens: number;
  readonly mean: number;
  /** Standard deviation of one token's clipped margin. */
  readonly sd: number;
  readonly max: number;
}

export interface CalibrationRow extends Calibration {
  readonly artefact: ArtefactId;
  readonly worker: KernelClass;
  readonly validator: KernelClass;
}

/** A row for fewer tokens would call a margin unheard of that was only not heard yet. */
export const calibrationTokensMin = 20_000;

/** The row for this pair; undefined where none was measured, and then the uncalibrated rule holds. */
export function calibrationOf(
  rows: readonly CalibrationRow[],
  artefact: ArtefactId,
  worker: KernelClass,
  validator: KernelClass,
): Calibration | undefined {
  return rows.find(
    (row) =>
      row.artefact === artefact &&
      row.tokens >= calibrationTokensMin &&
      isSame(row.worker, worker) &&
      isSame(row.validator, validator),
  );
}

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
