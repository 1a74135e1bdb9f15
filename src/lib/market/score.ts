import type { Candidate, PeerHistory } from './spec.ts';

/** What is assumed of a worker that has neither been measured nor tried. */
export const defaultMeasured = { decodeTps: 5, ttftMs: 1_500, rttMs: 150, tokensOut: 256 } as const;

/** What workers say of themselves is believed up to here, and no further than the best that was measured. */
export interface ClaimLimits {
  readonly decodeTpsMax: number;
  readonly ttftMsMin: number;
}

/** Where nothing has been measured yet. */
export const unmeasured: ClaimLimits = { decodeTpsMax: 1_000, ttftMsMin: 0 };

/** The best that the asker measured itself of those who could do a job bounds what the others say. */
export function claimLimits(histories: readonly (PeerHistory | undefined)[]): ClaimLimits {
  const known = (of: (history: PeerHistory) => number | undefined) =>
    histories.flatMap((history) => (history && of(history)) ?? []);
  const rates = known(({ decodeTps }) => decodeTps);
  const firsts = known(({ ttftMs }) => ttftMs);
  return {
    decodeTpsMax: rates.length === 0 ? unmeasured.decodeTpsMax : Math.max(...rates),
    ttftMsMin: firsts.length === 0 ? unmeasured.ttftMsMin : Math.min(...firsts),
  };
}

export interface ScoreOptions {
  readonly history?: PeerHistory | undefined;
  /** Length of the answer to plan for; 256 where nothing is known. */
  readonly tokensOut?: number | undefined;
  /** The asker's own device: no way to travel, and nothing to pay. */
  readonly place: 'network' | 'self';
  readonly claims?: ClaimLimits | undefined;
}

/** Smaller is better: first the time, then the price. */
export interface Score {
  /** Expected milliseconds until the last token, made longer by the failures seen. */
  readonly expectedMs: number;
  /** Smallest units for a million tokens in and a million out. */
  readonly priceUnits: bigint;
}

/**
 * Time to finish = round trip + wait in the queue + time to first token + tokens ÷ rate, divided by the share of jobs
 * that this worker finished (Laplace's rule, so that a stranger starts at one and one failure weighs).
 */
export function score(
  candidate: Candidate,
  { history, tokensOut = defaultMeasured.tokensOut, place, claims }: ScoreOptions,
): Score {
  const { model } = candidate;
  const jobMs = jobDurationMs(candidate, history, tokensOut, claims);
  const rttMs = place === 'self' ? 0 : (history?.rttMs ?? defaultMeasured.rttMs);
  const waitMs = roundsBefore(model.running + model.queued, model.slots) * jobMs;
  const finishedShare = ((history?.finished ?? 0) + 1) / ((history?.finished ?? 0) + (history?.failed ?? 0) + 1);
  return {
    expectedMs: (rttMs + waitMs + jobMs) / finishedShare,
    priceUnits: place === 'self' ? 0n : BigInt(model.price.in) + BigInt(model.price.out),
  };
}

/** Milliseconds until a worker could start one more job. */
export function queueMs(
  candidate: Candidate,
  history?: PeerHistory,
  tokensOut: number = defaultMeasured.tokensOut,
): number {
  const { running, queued, slots } = candidate.model;
  return roundsBefore(running + queued, slots) * jobDurationMs(candidate, history, tokensOut);
}

export function compareScores(a: Score, b: Score): number {
  if (a.expectedMs !== b.expectedMs) return a.expectedMs - b.expectedMs;
  return a.priceUnits < b.priceUnits ? -1 : a.priceUnits > b.priceUnits ? 1 : 0;
}

function jobDurationMs(
  { model }: Candidate,
  history: PeerHistory | undefined,
  tokensOut: number,
  { decodeTpsMax, ttftMsMin }: ClaimLimits = unmeasured,
): number {
  const { measured } = model;
  const decodeTps =
    history?.decodeTps || (measured && Math.min(measured.decodeTps, decodeTpsMax)) || defaultMeasured.decodeTps;
  const ttftMs = history?.ttftMs ?? (measured ? Math.max(measured.ttftMs, ttftMsMin) : defaultMeasured.ttftMs);
  return ttftMs + (tokensOut / decodeTps) * 1_000;
}

/** How many jobs must end one after the other before there is a free slot. */
const roundsBefore = (jobs: number, slots: number): number => (jobs < slots ? 0 : Math.floor(jobs / slots));
