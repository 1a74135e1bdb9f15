import { ewma } from '#lib/base/mean.ts';

/**
 * What an asker has seen of one peer with one model: a value, changed only by the functions below. Counts lose half their
 * weight every fourteen days, so that neither praise nor blame lasts for ever; a forked chain does.
 */
export interface Standing {
  /** Tokens a second over the whole time from asking to the last token. */
  readonly decodeTps?: number | undefined;
  readonly ttftMs?: number | undefined;
  readonly rttMs?: number | undefined;
  /** Jobs that ended with a receipt that checks, weighted by age as of `at`. */
  readonly finished: number;
  /** Broken promises by kind, weighted likewise. */
  readonly broken: Readonly<Partial<Record<BrokenPromise, number>>>;
  /** Canaries passed since the last failed one. */
  readonly canariesPassed: number;
  /** Canaries failed since it last passed enough of them, and when the latest failed. */
  readonly canariesFailed: number;
  readonly canaryFailedAt?: number | undefined;
  /** It has signed two histories. */
  readonly forked: boolean;
  /** Others whose work this asker received say that they received work from it. */
  readonly vouched?: boolean | undefined;
  /** When the weights were true, in milliseconds since the epoch. */
  readonly at: number;
}

/** Ways of not keeping a promise, as outcomes name them. */
export type BrokenPromise = (typeof brokenPromises)[number];
export const brokenPromises = [
  /** It offered a free slot and answered `busy`. */
  'no-slot',
  /** It accepted the job and then reported an error. */
  'error-after-accepting',
  /** Gone or silent. */
  'lost',
  /** Still waiting when the wait it had promised was long over. */
  'stalled-queue',
  'empty-answer',
  /** More tokens than the text can hold. */
  'impossible-counts',
  'false-receipt',
  /** A frame out of turn, malformed or too large. */
  'breach',
  /** A canary came back with another answer than the model's. */
  'wrong-answer',
] as const;

/** What one finished job showed of its worker, by the asker's own clock. */
export interface JobObservation {
  readonly tokens?: number | undefined;
  /** The whole time, from asking to the last token. */
  readonly spanMs?: number | undefined;
  readonly ttftMs?: number | undefined;
  readonly rttMs?: number | undefined;
}

export const standingLimits = {
  halfLifeMs: 14 * 24 * 3_600_000,
  /** Receipts after which a worker takes any share of the jobs. */
  establishedAt: 20,
  /** Canaries in a row that admit a stranger. */
  canariesToPass: 3,
  /** What a broken promise weighs against a receipt. */
  brokenWeight: 3,
  /** A broken promise may be bad luck; below this share of kept ones it is a habit. */
  keptShareMin: 0.75,
  /** After a failed canary, doubled for each one more in a row. */
  canaryRestMs: 3_600_000,
  canaryRestMsMax: 30 * 24 * 3_600_000,
} as const;

/** Below these a rate says nothing: six tokens in one packet would be thousands a second. */
export const rateSampleMin = { tokens: 32, spanMs: 500 } as const;

const { halfLifeMs, establishedAt, canariesToPass, brokenWeight, keptShareMin } = standingLimits;

export const noStanding: Standing = {
  finished: 0,
  broken: {},
  canariesPassed: 0,
  canariesFailed: 0,
  forked: false,
  at: 0,
};

/** @param decodeTpsMax what the artefact's size allows any device; a faster sample is no measurement. */
export function withFinished(
  standing: Standing,
  seen: JobObservation,
  now: number,
  decodeTpsMax: number = Number.POSITIVE_INFINITY,
): Standing {
  const aged = agedTo(standing, now);
  const decodeTps = rateOf(seen);
  return {
    ...aged,
    decodeTps: ewma(aged.decodeTps, decodeTps === undefined ? undefined : Math.min(decodeTps, decodeTpsMax)),
    ttftMs: ewma(aged.ttftMs, seen.ttftMs),
    rttMs: ewma(aged.rttMs, seen.rttMs),
    finished: aged.finished + 1,
  };
}

export function withBroken(standing: Standing, promise: BrokenPromise, now: number): Standing {
  const aged = agedTo(standing, now);
  return { ...aged, broken: { ...aged.broken, [promise]: (aged.broken[promise] ?? 0) + 1 } };
}

export function withCanary(standing: Standing, verdict: 'passed' | 'failed', now: number): Standing {
  if (verdict === 'passed') {
    const canariesPassed = standing.canariesPassed + 1;
    // One that has failed is not cleared by one lucky answer.
    const canariesFailed = canariesPassed < canariesToPass ? standing.canariesFailed : 0;
    return { ...standing, canariesPassed, canariesFailed };
  }
  const failed = withBroken(standing, 'wrong-answer', now);
  return { ...failed, canariesPassed: 0, canariesFailed: standing.canariesFailed + 1, canaryFailedAt: now };
}

export const withFork = (standing: Standing): Standing => ({ ...standing, forked: true });

export const withVouch = (standing: Standing): Standing => ({ ...standing, vouched: true });

/**
 * How far a worker is trusted with people's prompts. `established`: any share of the jobs. `on-trial`: admitted by canaries,
 * a small share. `vouched`: the same, admitted on the word of others. `stranger`: canaries first. `distrusted`: asked when there is nobody else; `forked`: never.
 */
export type Level = 'established' | 'on-trial' | 'vouched' | 'stranger' | 'distrusted' | 'forked';

/** Its own experience comes first: others' word counts until there is any. */
export function levelOf(standing: Standing | undefined, now: number): Level {
  if (!standing) return 'stranger';
  if (standing.forked) return 'forked';
  if (standing.canariesFailed > 0) return 'distrusted';
  const weight = weightAt(standing, now);
  const finished = standing.finished * weight;
  const broken = brokenOf(standing) * weight;
  const keeps = finished >= (finished + broken) * keptShareMin;
  if (finished >= establishedAt && keeps) return 'established';
  if (standing.canariesPassed >= canariesToPass && finished >= broken) return 'on-trial';
  if (broken >= 1 && broken > finished) return 'distrusted';
  return standing.vouched ? 'vouched' : 'stranger';
}

/** It has kept more promises than it broke: its word on a request counts. */
export const hasStanding = (standing: Standing | undefined): boolean =>
  standing !== undefined && !standing.forked && standing.finished > brokenOf(standing);

/**
 * The share of jobs that is expected of a worker: kept promises over all, with one of either kind assumed beforehand, so
 * that a stranger starts at a half and each broken promise weighs as much as three receipts.
 */
export function keptShare(standing: Standing | undefined, now: number): number {
  if (!standing) return 0.5;
  const weight = weightAt(standing, now);
  const finished = standing.finished * weight;
  return (finished + 1) / (finished + brokenOf(standing) * weight * brokenWeight + 2);
}

/** Before this time a stranger that failed a canary gets no other. */
export function canaryRestsUntil({ canariesFailed, canaryFailedAt }: Standing): number {
  if (canariesFailed === 0 || canaryFailedAt === undefined) return 0;
  const { canaryRestMs, canaryRestMsMax } = standingLimits;
  return canaryFailedAt + Math.min(canaryRestMsMax, canaryRestMs * 2 ** Math.min(30, canariesFailed - 1));
}

export const brokenOf = ({ broken }: Standing): number =>
  Object.values(broken).reduce((sum: number, count) => sum + (count ?? 0), 0);

const weightAt = ({ at }: Standing, now: number): number => (now <= at ? 1 : 0.5 ** ((now - at) / halfLifeMs));

/** The same standing, with its counts as they weigh at `now`. A clock that was set back changes nothing. */
export function agedTo(standing: Standing, now: number): Standing {
  if (now <= standing.at) return standing;
  const weight = weightAt(standing, now);
  const broken = Object.fromEntries(
    Object.entries(standing.broken).flatMap(([promise, count]) =>
      count * weight >= forgottenBelow ? [[promise, count * weight]] : [],
    ),
  );
  return { ...standing, finished: standing.finished * weight, broken, at: now };
}

const forgottenBelow = 0.01;

function rateOf({ tokens = 0, spanMs = 0 }: JobObservation): number | undefined {
  return tokens >= rateSampleMin.tokens && spanMs >= rateSampleMin.spanMs ? (tokens * 1_000) / spanMs : undefined;
}

/** Admitted: it may have people's prompts, as many as the share of newcomers allows. */
export const isAdmitted = (level: Level | 'own' | 'self'): boolean => level === 'on-trial' || level === 'vouched';
