import { createShare } from '#lib/market/share.ts';

/** Second workers, at most so many for each free job, and how many may be saved up. */
const hedgeShare = 0.02;
const hedgesSavedMax = 2;
/** The first words of the last jobs are compared with what was expected of them; a hedge waits for the latest in twenty. */
const latenessesMax = 128;
const latenessesMin = 20;
const percentile = 0.95;
/** Before enough is known; and no first word within a second is late. */
const lateFactor = 3;
const hedgeAfterMsMin = 1_000;

/** When a first word is late, and whether a second worker may be asked for it. */
export interface Hedging {
  /** A free job has been given to a worker. */
  earn(): void;
  readonly isDue: boolean;
  spend(): void;
  /** A first word has come. */
  note(expectedMs: number, tookMs: number): void;
  afterMs(expectedMs: number): number;
}

export function createHedging(): Hedging {
  const share = createShare(hedgeShare, hedgesSavedMax);
  /** As they came, and in order: sorting all of them would be a good part of what choosing a worker costs. */
  const latenesses: number[] = [];
  const sorted: number[] = [];
  return {
    earn: share.earn,
    get isDue() {
      return share.isDue;
    },
    spend: () => share.spend(),
    note(expectedMs, tookMs) {
      if (expectedMs <= 0) return;
      const lateness = tookMs / expectedMs;
      latenesses.push(lateness);
      sorted.splice(placeIn(sorted, lateness), 0, lateness);
      if (latenesses.length > latenessesMax) sorted.splice(placeIn(sorted, latenesses.shift()!), 1);
    },
    afterMs(expectedMs) {
      const latest = sorted.length >= latenessesMin ? sorted[Math.floor(sorted.length * percentile)] : undefined;
      const factor = latest ?? lateFactor;
      return Math.max(hedgeAfterMsMin, expectedMs * factor);
    },
  };
}

/** The index of the first that is not below `value`. */
function placeIn(sorted: readonly number[], value: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
