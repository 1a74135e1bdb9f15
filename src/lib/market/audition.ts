import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { agree } from './canary.ts';
import { canaryRestsUntil, isAdmitted, standingLimits, type Level, type Standing } from './standing.ts';
import type { Zone } from './zone.ts';

/** A worker of the model that could be examined, or be what others are compared with. */
export interface Examinee {
  readonly peer: PeerId;
  readonly level: Level | 'own' | 'self';
  readonly standing: Standing | undefined;
  readonly zone: Zone | undefined;
  /** It has a slot now, as far as is known: a canary never makes a person wait. */
  readonly isFree: boolean;
}

export interface CheckPlan {
  readonly subject: Examinee;
  /** Whose answer it is compared with, the first of them first; the second is asked where the first differs. */
  readonly references: readonly Examinee[];
}

export interface PlanOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly random: Random;
  /** Whether the budget of the zone has room for one more canary. */
  readonly hasRoom: (zone: Zone | undefined) => boolean;
  readonly brokenIn: (zone: Zone | undefined) => number;
  /** This peer can score answers itself: nobody is needed to compare with. */
  readonly scores?: boolean | undefined;
}

/** Of the checks, those that look at workers who are admitted already. */
const spotCheckShare = 1 / 3;

/**
 * Whom to examine next, and by whose word: strangers who have begun an audition first, then others, a zone drawn before one of
 * it; in a third of the cases one who is admitted. Undefined where there is nobody to examine, or nobody to compare with.
 */
export function planCheck(workers: readonly Examinee[], options: PlanOptions): CheckPlan | undefined {
  const { random } = options;
  const admitted = workers.filter(({ level, isFree }) => isFree && (isAdmitted(level) || level === 'established'));
  const applicants = workers.filter((worker) => isApplicant(worker, options));
  const isSpotCheck = applicants.length === 0 || (admitted.length > 0 && random.float() < spotCheckShare);
  const begun = applicants.filter(({ standing }) => (standing?.canariesPassed ?? 0) > 0);
  const subject = drawByZone(isSpotCheck ? admitted : begun.length > 0 ? begun : applicants, options);
  if (!subject) return undefined;
  const references = referencesFor(subject, workers, random);
  return references.length > 0 || options.scores ? { subject, references } : undefined;
}

function isApplicant({ level, standing, zone, isFree }: Examinee, { now, hasRoom }: PlanOptions): boolean {
  if (level !== 'stranger' && level !== 'distrusted') return false;
  return isFree && hasRoom(zone) && (standing === undefined || canaryRestsUntil(standing) <= now);
}

/** Trusted workers other than the subject, those of other zones first; two where there are two. */
function referencesFor(subject: Examinee, workers: readonly Examinee[], random: Random): readonly Examinee[] {
  const isReference = ({ peer, level, isFree }: Examinee) =>
    peer !== subject.peer && isFree && (level === 'self' || level === 'own' || level === 'established');
  const isElsewhere = ({ zone }: Examinee) => zone === undefined || zone !== subject.zone;
  return workers
    .filter(isReference)
    .map((worker) => ({ worker, order: (isElsewhere(worker) ? 0 : 1) + random.float() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, 2)
    .map(({ worker }) => worker);
}

function drawByZone(from: readonly Examinee[], { random, brokenIn }: PlanOptions): Examinee | undefined {
  const zones = [...new Set(from.map(({ zone }) => zone))];
  const weights = zones.map((zone) => 1 / (1 + brokenIn(zone)));
  let left = random.float() * weights.reduce((sum, weight) => sum + weight, 0);
  const zone = zones[weights.findIndex((weight) => (left -= weight) < 0)];
  const here = from.filter((one) => one.zone === zone);
  return here[Math.floor(random.float() * here.length)];
}

/** `second`: the other reference has to be asked. `undecided`: nothing is held against anybody. */
export type Verdict = 'passed' | 'failed' | 'second' | 'undecided';

/**
 * What the answers say about the subject. One that differs from a single reference has failed only if it is a stranger and
 * there is no second; else the two references must agree with each other. An answer that did not come is no answer.
 */
export function judgeCheck(
  { subject, references }: CheckPlan,
  answers: {
    readonly subject: string | undefined;
    readonly first: string | undefined;
    readonly second?: string | undefined;
  },
): Verdict {
  // Why it gave no answer has been recorded where it happened.
  if (answers.subject === undefined || answers.first === undefined) return 'undecided';
  if (agree(answers.subject, answers.first)) return 'passed';
  if (references.length < 2) return subject.level === 'established' ? 'undecided' : 'failed';
  if (answers.second === undefined) return 'second';
  if (agree(answers.subject, answers.second)) return 'passed';
  return agree(answers.first, answers.second) ? 'failed' : 'undecided';
}

/** Canaries of one zone, by the hour: what fifty keys behind one address may cost. */
export interface ZoneBudget {
  hasRoom(zone: Zone | undefined, now: number): boolean;
  spend(zone: Zone | undefined, now: number): void;
}

const perZoneAndHour = 4 * standingLimits.canariesToPass;
const hourMs = 3_600_000;
const zonesMax = 1_024;

export function createZoneBudget(): ZoneBudget {
  const spent = new Map<Zone | undefined, { readonly count: number; readonly sinceMs: number }>();
  const of = (zone: Zone | undefined, now: number) => {
    const known = spent.get(zone);
    return known && now - known.sinceMs < hourMs ? known : { count: 0, sinceMs: now };
  };
  return {
    hasRoom: (zone, now) => of(zone, now).count < perZoneAndHour,
    spend(zone, now) {
      const { count, sinceMs } = of(zone, now);
      spent.delete(zone);
      spent.set(zone, { count: count + 1, sinceMs });
      const [oldest] = spent.keys();
      if (spent.size > zonesMax) spent.delete(oldest);
    },
  };
}
