/** A share of the jobs: each one earns a part of a use, and what is not used is saved up to a few. */
export interface Share {
  /** A job has come. */
  earn(): void;
  /** Whether there is enough for one use. */
  readonly isDue: boolean;
  /** One use, or as many as it costs. May go below zero, and is earned back. */
  spend(uses?: number): void;
}

/** @param share uses for each job, below 1. */
export function createShare(share: number, savedMax: number): Share {
  let saved = 0;
  return {
    earn: () => void (saved = Math.min(savedMax, saved + share)),
    get isDue() {
      // Thirty-four times three in a hundred is a little less than it should be, in floating point.
      return saved >= 1 - 1e-9;
    },
    spend: (uses = 1) => void (saved -= uses),
  };
}
