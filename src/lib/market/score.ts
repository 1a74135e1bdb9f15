import { keptShare, type Standing } from './standing.ts';
import type { Candidate } from './spec.ts';
import { labellerOf, type Zone } from './zone.ts';

/** What is assumed of a worker that has neither been measured nor tried. */
export const defaultMeasured = { decodeTps: 5, ttftMs: 1_500, rttMs: 150, tokensOut: 256 } as const;

/** What workers say of themselves is believed up to here: no further than the best that the asker has measured itself. */
export interface ClaimLimits {
  readonly decodeTpsMax: number;
  readonly ttftMsMin: number;
  /** Slots at once that a stranger is believed to have. */
  readonly slotsMax: number;
  readonly priceMin: bigint;
}

/** Where nothing has been measured and nothing is said. */
export const unmeasured: ClaimLimits = { decodeTpsMax: 1_000, ttftMsMin: 0, slotsMax: 8, priceMin: 0n };

/**
 * Where nothing has been measured yet: the middle of what is said, one voice for each zone, so that who boasts gains nothing
 * and who has many keys has one vote. Zones that only a relay labels have one voice together.
 */
export function medianClaims(said: readonly { readonly candidate: Candidate; readonly zone: Zone | undefined }[]) {
  const voices = new Map<Zone | undefined, Candidate>();
  for (const { candidate, zone } of said) {
    const voice = labellerOf(zone) ?? zone;
    if (!voices.has(voice)) voices.set(voice, candidate);
  }
  const measured = [...voices.values()].flatMap(({ model }) => model.measured ?? []);
  if (measured.length === 0) return unmeasured;
  const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!;
  const decodeTps = middle(measured.map((one) => one.decodeTps));
  return {
    ...unmeasured,
    decodeTpsMax: Math.min(unmeasured.decodeTpsMax, decodeTps),
    ttftMsMin: middle(measured.map(({ ttftMs }) => -ttftMs)) * -1,
  } satisfies ClaimLimits;
}

/** The best that was measured of those who could do a job bounds what the others say; what was not measured is left out. */
export function claimLimits(
  known: readonly { readonly candidate: Candidate; readonly standing: Standing }[],
): Partial<ClaimLimits> {
  const limits: { -readonly [Limit in keyof ClaimLimits]?: ClaimLimits[Limit] } = {};
  for (const { candidate, standing } of known) {
    const { decodeTps, ttftMs, finished } = standing;
    if (decodeTps !== undefined) limits.decodeTpsMax = Math.max(limits.decodeTpsMax ?? 0, decodeTps);
    if (ttftMs !== undefined) limits.ttftMsMin = Math.min(limits.ttftMsMin ?? ttftMs, ttftMs);
    if (finished === 0) continue;
    const price = priceOf(candidate);
    limits.slotsMax = Math.max(limits.slotsMax ?? 1, candidate.model.slots);
    limits.priceMin = limits.priceMin === undefined || price < limits.priceMin ? price : limits.priceMin;
  }
  return limits;
}

export interface ScoreOptions {
  readonly standing?: Standing | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Length of the answer to plan for; 256 where nothing is known. */
  readonly tokensOut?: number | undefined;
  /** The asker's own device: no way to travel, nothing to pay, and no promise to doubt. */
  readonly place: 'network' | 'self';
  readonly claims?: ClaimLimits | undefined;
  /** Jobs running and waiting there, as {@link jobsAt} counts them; by default as the offer says. */
  readonly jobs?: number | undefined;
}

/** An offer received within this time of a choice may have been made before the job arrived. */
const unseenMs = 500;

/**
 * Jobs running and waiting at a worker: those that its offer counts, and the asker's own that came too late for it.
 * @param underWay the asker's own there now; with `since`, only those chosen at or after that time (ms since the epoch).
 */
export function jobsAt({ entry, model }: Candidate, underWay: (since?: number) => number): number {
  return Math.max(model.running + model.queued + underWay(entry.receivedAt - unseenMs), underWay());
}

/** Smaller is better: first the time, then the price. */
export interface Score {
  /** Expected milliseconds until the last token, made longer by the promises broken. */
  readonly expectedMs: number;
  /** Smallest units for a million tokens in and a million out. */
  readonly priceUnits: bigint;
}

/**
 * Time to finish = round trip + wait in the queue + time to first token + tokens ÷ rate, divided by the share of promises
 * that this worker is expected to keep.
 */
export function score(candidate: Candidate, options: ScoreOptions): Score {
  const { standing, now, tokensOut = defaultMeasured.tokensOut, place, claims = unmeasured } = options;
  const { model } = candidate;
  const { jobs = model.running + model.queued } = options;
  const jobMs = jobDurationMs(candidate, standing, tokensOut, claims);
  const rttMs = place === 'self' ? 0 : (standing?.rttMs ?? defaultMeasured.rttMs);
  const slots = (standing?.finished ?? 0) > 0 ? model.slots : Math.min(model.slots, claims.slotsMax);
  const waitMs = roundsBefore(jobs, slots) * jobMs;
  const price = priceOf(candidate);
  const believed = (standing?.finished ?? 0) > 0 || price > claims.priceMin ? price : claims.priceMin;
  return {
    expectedMs: (rttMs + waitMs + jobMs) / (place === 'self' ? 1 : keptShare(standing, now)),
    priceUnits: place === 'self' ? 0n : believed,
  };
}

/** Milliseconds until a worker could start one more job. */
export function queueMs(
  candidate: Candidate,
  standing?: Standing,
  tokensOut: number = defaultMeasured.tokensOut,
): number {
  const { running, queued, slots } = candidate.model;
  return roundsBefore(running + queued, slots) * jobDurationMs(candidate, standing, tokensOut);
}

export function compareScores(a: Score, b: Score): number {
  if (a.expectedMs !== b.expectedMs) return a.expectedMs - b.expectedMs;
  return a.priceUnits < b.priceUnits ? -1 : a.priceUnits > b.priceUnits ? 1 : 0;
}

const priceOf = ({ model: { price } }: Candidate): bigint => BigInt(price.in) + BigInt(price.out);

function jobDurationMs(
  { model }: Candidate,
  standing: Standing | undefined,
  tokensOut: number,
  { decodeTpsMax, ttftMsMin }: ClaimLimits = unmeasured,
): number {
  const { measured } = model;
  const decodeTps =
    standing?.decodeTps || (measured && Math.min(measured.decodeTps, decodeTpsMax)) || defaultMeasured.decodeTps;
  const ttftMs = standing?.ttftMs ?? (measured ? Math.max(measured.ttftMs, ttftMsMin) : defaultMeasured.ttftMs);
  return ttftMs + (tokensOut / decodeTps) * 1_000;
}

/** How many jobs must end one after the other before there is a free slot. */
const roundsBefore = (jobs: number, slots: number): number => (jobs < slots ? 0 : Math.floor(jobs / slots));
