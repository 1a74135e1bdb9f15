import { seededRandom, type Random } from '#lib/base/random.ts';
import type { LinkConditions } from '#lib/net/memory/link-conditions.fixture.ts';
import { attacks } from '../attackers.ts';
import type { RelayCharacter } from './lying-relay.ts';

/**
 * All that happens in one simulated run. It is drawn from the seed alone, before anything runs, so a fault in the code under
 * test cannot change what it is tested with.
 */
export interface Plan {
  readonly seed: number;
  readonly conditions: LinkConditions;
  readonly relays: readonly RelayCharacter[];
  readonly workers: readonly WorkerPlan[];
  readonly askers: number;
  /** How far each resident's clock is off, in milliseconds. */
  readonly skewMs: ReadonlyMap<Name, number>;
  /** In the order of their time. */
  readonly actions: readonly Action[];
}

/** `relay0`, `worker2`, `asker1`. */
export type Name = `${'relay' | 'worker' | 'asker'}${number}`;

export type WorkerPlan =
  | { readonly character: 'honest'; readonly tokenDelayMs: number }
  | { readonly character: 'hostile'; readonly attack: keyof typeof attacks; readonly zone: number };

export type Action = { readonly atMs: number } & Deed;
export type Deed =
  | { readonly type: 'ask'; readonly asker: Name; readonly job: number; readonly phase: 'turmoil' | 'calm' }
  | { readonly type: 'cancel'; readonly job: number }
  | { readonly type: 'join' | 'crash' | 'leave' | 'pause' | 'resume'; readonly who: Name }
  | { readonly type: 'freeze' | 'thaw'; readonly who: Name }
  | { readonly type: 'cut' | 'mend' | 'disconnect'; readonly who: Name; readonly other: Name }
  /** The clock of the wall is set; time that has passed is measured by another one. */
  | { readonly type: 'set-clock'; readonly who: Name; readonly byMs: number }
  /** From here on nothing is broken any more. */
  | { readonly type: 'calm' };

/** Milliseconds of virtual time: when the turmoil ends, when all must have converged, and when all must be over. */
export const phases = { turmoilMs: 25_000, convergedMs: 85_000, endMs: 125_000 } as const;
export const jobDeadlineMs = 20_000;
const turmoilJobs = 12;
const burstJobs = 9;
const calmJobs = 10;

const pick = <T>(all: readonly T[], random: Random): T => all[Math.floor(random.float() * all.length)]!;
const between = (min: number, max: number, random: Random): number => Math.floor(min + random.float() * (max - min));

/** Pareto: most stay a moment, few stay for ever, as is measured of peers in open networks. In milliseconds. */
const heavyTailed = (minMs: number, shape: number, random: Random): number =>
  Math.floor(minMs / (1 - random.float()) ** (1 / shape));

export function drawPlan(seed: number): Plan {
  const random = seededRandom(seed);
  const actions: Action[] = [];
  const honest = between(2, 5, random);
  const hostile = between(0, 4, random);
  const askers = between(1, 3, random);
  const liar = pick(['withholding', 'denying', 'replaying', 'forging', 'garbling', 'silent'] as const, random);
  const relays: readonly RelayCharacter[] = random.float() < 0.5 ? ['honest', liar] : ['honest'];
  const workers: WorkerPlan[] = [];
  for (let i = 0; i < honest; i++) {
    workers.push({ character: 'honest', tokenDelayMs: i > 0 && random.float() < 0.25 ? between(20, 120, random) : 0 });
  }
  const names = Object.keys(attacks) as (keyof typeof attacks)[];
  for (let i = 0; i < hostile; i++) {
    workers.push({ character: 'hostile', attack: pick(names, random), zone: between(0, 2, random) });
  }
  const namesOf = (kind: 'relay' | 'worker' | 'asker', count: number) =>
    Array.from({ length: count }, (_, i): Name => `${kind}${i}`);
  const all = [...namesOf('relay', relays.length), ...namesOf('worker', workers.length), ...namesOf('asker', askers)];
  const skewMs = new Map(all.map((name) => [name, random.float() < 0.3 ? between(-4_000, 4_000, random) : 0]));

  for (let i = 0; i < honest; i++) planLife(`worker${i}`, i === 0 ? 'comes back' : 'may go', random, actions);
  for (let i = honest; i < workers.length; i++) {
    actions.push({ atMs: between(0, phases.turmoilMs / 2, random), type: 'join', who: `worker${i}` });
  }
  planFaults(all, random, actions);
  planJobs(namesOf('asker', askers), random, actions);
  actions.push({ atMs: phases.turmoilMs, type: 'calm' });

  return {
    seed,
    relays,
    workers,
    askers,
    skewMs,
    conditions: {
      latencyMs: between(1, 40, random),
      jitterMs: between(0, 60, random),
      bytesPerSecond: random.float() < 0.2 ? 50_000 : undefined,
      publishLoss: random.float() * 0.2,
      publishDuplication: random.float() * 0.2,
      publishJitterMs: between(0, 60, random),
      openFailure: random.float() * 0.1,
      path: 'direct',
    },
    // Stable: what is planned for the same moment happens in the order of planning.
    actions: actions.toSorted((a, b) => a.atMs - b.atMs),
  };
}

/** Sessions and absences of one worker, by turns. */
function planLife(who: Name, last: 'comes back' | 'may go', random: Random, actions: Action[]): void {
  let atMs = between(0, 2_000, random);
  actions.push({ atMs, type: 'join', who });
  for (;;) {
    atMs += heavyTailed(2_500, 1.1, random);
    if (atMs >= phases.turmoilMs - 1_000) return;
    actions.push({ atMs, type: random.float() < 0.6 ? 'crash' : 'leave', who });
    atMs += heavyTailed(1_500, 1.3, random);
    const isBack = atMs < phases.turmoilMs - 500;
    if (!isBack && last === 'may go') return;
    actions.push({ atMs: isBack ? atMs : phases.turmoilMs - 500, type: 'join', who });
    if (!isBack) return;
  }
}

/** What is broken is mended again, at the latest when the calm begins. */
function planFaults(all: readonly Name[], random: Random, actions: Action[]): void {
  for (let faults = between(4, 14, random); faults > 0; faults--) {
    const atMs = between(1_000, phases.turmoilMs - 1_000, random);
    const untilMs = Math.min(phases.turmoilMs, atMs + heavyTailed(800, 1, random));
    const who = pick(all, random);
    const other = pick(all, random);
    const chance = random.float();
    if (chance < 0.2) {
      actions.push({ atMs, type: 'freeze', who }, { atMs: untilMs, type: 'thaw', who });
    } else if (chance < 0.4 && who !== other) {
      actions.push({ atMs, type: 'cut', who, other }, { atMs: untilMs, type: 'mend', who, other });
    } else if (chance < 0.65 && who !== other) actions.push({ atMs, type: 'disconnect', who, other });
    else if (chance < 0.85) {
      const byMs = between(-45_000, 45_000, random);
      actions.push({ atMs, type: 'set-clock', who, byMs }, { atMs: untilMs, type: 'set-clock', who, byMs: -byMs });
    } else if (who.startsWith('worker')) {
      actions.push({ atMs, type: 'pause', who }, { atMs: untilMs, type: 'resume', who });
    }
  }
}

function planJobs(askers: readonly Name[], random: Random, actions: Action[]): void {
  // In half of all runs many come together, so that there are queues.
  const burst = random.float() < 0.5 ? burstJobs : 0;
  let atMs = 0;
  for (let job = 0; job < turmoilJobs; job++) {
    if (job === 0 || job >= burst) atMs = between(1_000, phases.turmoilMs - 1_000, random);
    actions.push({ atMs, type: 'ask', asker: pick(askers, random), job, phase: 'turmoil' });
    if (random.float() < 0.15) actions.push({ atMs: atMs + between(0, 800, random), type: 'cancel', job });
  }
  for (let job = turmoilJobs; job < turmoilJobs + calmJobs; job++) {
    atMs = phases.convergedMs + (job - turmoilJobs) * 600 + between(0, 400, random);
    actions.push({ atMs, type: 'ask', asker: pick(askers, random), job, phase: 'calm' });
  }
}
