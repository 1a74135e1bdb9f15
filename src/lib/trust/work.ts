/**
 * The work of a job, in whole units; one unit is one token read by a model of 100 million parameters. A generated token
 * counts ten, because it takes a full pass while prompt tokens are processed in parallel. Work scales with model size,
 * so that fast answers from the smallest models earn little.
 */
export interface Worked {
  readonly tokensIn: number;
  readonly tokensOut: number;
}

const perWrittenToken = 10;
const parametersPerUnit = 100_000_000;
/** 100 billion parameters; larger models count as this. */
const weightMax = 1_000;
/** Models outside the catalog count as one billion parameters. */
const weightUnknown = 10;

/** @param parameters parameter count from the reader's own catalog; undefined or 0 if unknown. */
export function artefactWeight(parameters: number | undefined): number {
  if (!parameters) return weightUnknown;
  return Math.min(weightMax, Math.max(1, Math.round(parameters / parametersPerUnit)));
}

/** Always a safe integer, capped at 2^53 − 1. */
export function workOf({ tokensIn, tokensOut }: Worked, weight: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, (tokensIn + perWrittenToken * tokensOut) * weight);
}

/** A typical question and answer. */
export const jobTypical: Worked = { tokensIn: 400, tokensOut: 256 };
/** The work of a typical job with a one-billion-parameter model. */
export const workTypical = workOf(jobTypical, weightUnknown);
