import type { AuditOutcomeEffect } from '#lib/peer/audit/auditing.ts';
import type { CountedVote } from '#lib/trust/trial-state.ts';
import { auditShares } from '../simulation/economics.ts';
import { appealsOnlyOnChain, type Manner } from './cheats.ts';
import type { SharedLlama } from './llama.ts';
import type { TownPeer } from './peers.ts';

/** What came of the town's audits, by the effects that its peers saw. */
export interface TownReport {
  readonly rows: readonly TownRow[];
  readonly trials: readonly TownTrial[];
  /** What is not as it has to be. */
  readonly complaints: readonly string[];
}

export interface TownRow {
  readonly manner: Manner;
  readonly isAccusedFalsely: boolean;
  readonly audits: number;
  /** How often an audit came to each outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Convictions that the worker appealed against, and lost. */
  readonly appealsLost: number;
  readonly isAccuserMarked: boolean;
}

/** A trial that is over, with the votes of its first round and of its last. */
export interface TownTrial {
  readonly manner: Manner;
  readonly worker: string;
  readonly accuser: string;
  readonly outcome: string;
  readonly round: 1 | 2;
  readonly receiptHash: string;
  readonly first: readonly CountedVote[];
  readonly last: readonly CountedVote[];
}

/** Who asked a worker for what, and followed it to its end. */
export interface Case {
  readonly manner: Manner;
  readonly worker: string;
  readonly asker: TownPeer;
  readonly isHarmful: boolean;
  followed: number;
}

/** Of generating as much, with nothing beside it: what scoring one answer costs, and with it the audits of these shares of all answers. */
export interface AuditCost {
  readonly ofOne: number;
  readonly atEntry: number;
  readonly atFloor: number;
}

export function costOf({ generating, scoring }: Awaited<ReturnType<SharedLlama['measure']>>): AuditCost {
  const ofOne = scoring / generating;
  return { ofOne, atEntry: auditShares.entry * ofOne, atFloor: auditShares.floor * ofOne };
}

/** How this worker's audits ended, in the order in which they did. */
export const outcomesOf = ({ asker, worker }: Case): readonly string[] =>
  asker.effects.flatMap((one) =>
    one.of === 'audit' && one.effect.type === 'settled' && one.receipt.record.worker === worker
      ? [one.effect.outcome]
      : [],
  );

type OfTrial = Extract<AuditOutcomeEffect, { of: 'trial' }>;
const trialsSeenBy = ({ effects }: TownPeer): readonly OfTrial[] =>
  effects.flatMap((one) => (one.of === 'trial' ? [one] : []));

export function reportOf(cases: readonly Case[], witnesses: readonly TownPeer[]): TownReport {
  const seen = trialsSeenBy(witnesses[0]!);
  const settled = seen.filter(({ effect }) => effect.type === 'settled');
  const rows = cases.map((one): TownRow => {
    const ofCase = settled.filter(
      ({ trial }) => trial.receipt.worker === one.worker && trial.accusation.accuser === one.asker.peer.self,
    );
    const outcomes = outcomesOf(one);
    return {
      manner: one.manner,
      isAccusedFalsely: one.isHarmful,
      audits: one.followed,
      outcomes: Object.fromEntries(
        [...new Set(outcomes)].map((name) => [name, outcomes.filter((o) => o === name).length]),
      ),
      appealsLost: ofCase.filter(({ effect, trial }) => isConviction(effect) && trial.state.round === 2).length,
      isAccuserMarked: ofCase.some(({ trial }) => seen.some((other) => marks(other, trial.accusation.audit))),
    };
  });
  const trials = settled.map(({ effect, trial }): TownTrial => {
    const dispute = seen.find(
      (other) => other.effect.type === 'dispute' && other.trial.accusation.audit === trial.accusation.audit,
    )?.effect;
    return {
      manner: cases.find(({ worker }) => worker === trial.receipt.worker)!.manner,
      worker: trial.receipt.worker,
      accuser: trial.accusation.accuser,
      outcome: effect.type === 'settled' ? effect.outcome : '',
      round: trial.state.round,
      receiptHash: trial.state.terms.receipt,
      first: dispute?.type === 'dispute' ? dispute.evidence.votes : trial.state.counted,
      last: trial.state.counted,
    };
  });
  const verdictsOf = (one: TownPeer) =>
    trialsSeenBy(one)
      .flatMap(({ effect, trial }) =>
        effect.type === 'settled' ? [`${trial.accusation.audit} ${effect.outcome}`] : [],
      )
      .sort()
      .join();
  const agree = witnesses.every((one) => verdictsOf(one) === verdictsOf(witnesses[0]!));
  return {
    rows,
    trials,
    complaints: [...rows.flatMap(complaintsOf), ...(agree ? [] : ['Validators do not agree on how trials ended.'])],
  };
}

const isConviction = (effect: OfTrial['effect']) => effect.type === 'settled' && effect.outcome === 'convicted';
const marks = ({ effect, trial }: OfTrial, audit: string) =>
  effect.type === 'mark-accuser' && trial.accusation.audit === audit;

export function complaintsOf(row: TownRow): string[] {
  const { manner, audits, outcomes, appealsLost, isAccusedFalsely, isAccuserMarked } = row;
  const of = (outcome: string) => outcomes[outcome] ?? 0;
  const ended = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const complaints = ended < audits ? [`${audits - ended} audits of ${manner} did not end.`] : [];
  if (isAccusedFalsely) {
    if (of('cleared') !== audits) complaints.push('An honest worker that was accused was not cleared.');
    if (!isAccuserMarked) complaints.push('Who accused an honest worker was not marked.');
  } else if (manner === 'honest') {
    if (of('passed') + of('undecided') !== audits) complaints.push('An honest worker was accused by a judge.');
  } else {
    if (of('convicted') === 0) complaints.push(`Nobody was convicted of ${manner}.`);
    const wanted = appealsOnlyOnChain(manner) ? 0 : of('convicted');
    if (appealsLost !== wanted) complaints.push(`Not every conviction of ${manner} was appealed against and held.`);
  }
  return complaints;
}
