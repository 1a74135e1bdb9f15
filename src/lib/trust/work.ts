/**
 * How much work a job was, in whole units: a unit is one token read by a model of 100 million parameters. A token written
 * counts for ten, since it takes a whole pass of its own where reading is done in parallel; and a larger model counts for
 * more, in proportion, so that fast answers of the smallest one earn little.
 */
export interface Worked {
  readonly tokensIn: number;
  readonly tokensOut: number;
}

const perWrittenToken = 10;
const parametersPerUnit = 100_000_000;
/** A model of 100 billion parameters; a larger one counts as that. */
const weightMax = 1_000;
/** A model that is in no catalog counts as one of a billion parameters. */
const weightUnknown = 10;

/** @param parameters of the model, as the reader's own catalog has them; undefined or 0 where it has not. */
export function artefactWeight(parameters: number | undefined): number {
  if (!parameters) return weightUnknown;
  return Math.min(weightMax, Math.max(1, Math.round(parameters / parametersPerUnit)));
}

/** A safe integer, whatever the counts: at most 2^53 − 1. */
export function workOf({ tokensIn, tokensOut }: Worked, weight: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, (tokensIn + perWrittenToken * tokensOut) * weight);
}

/** A question and an answer as people have them, from a model of a billion parameters. */
export const workTypical = workOf({ tokensIn: 400, tokensOut: 256 }, weightUnknown);
