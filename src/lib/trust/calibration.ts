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
