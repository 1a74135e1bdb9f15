import type { AuditOutcomeEffect } from '#lib/peer/audit/auditing.ts';
import type { CountedVote } from '#lib/trust/trial-state.ts';
import { auditShares } from '../simulation/economics.ts';
import { appealsOnlyOnChain, mannerOf, type Manner } from './cheats.ts';
import { heldTokens } from './published.ts';
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
  /** Of a worker that was convicted: its audited tokens before the answer that convicted it first. */
  readonly tokensBefore: number | undefined;
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
  /** In the order in which they were asked. */
  readonly followed: FollowedAnswer[];
}

export interface FollowedAnswer {
  readonly receipt: string;
  readonly tokens: number;
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

const endedOf = ({ asker, worker }: Case) =>
  asker.effects.flatMap((one) =>
    one.of === 'audit' && one.effect.type === 'settled' && one.receipt.record.worker === worker
      ? [{ receipt: one.receipt.hash, outcome: one.effect.outcome }]
      : [],
  );

/** How this worker's audits ended, in the order in which they did. */
export const outcomesOf = (one: Case): readonly string[] => endedOf(one).map(({ outcome }) => outcome);

function tokensBefore(one: Case): number | undefined {
  const convicted = new Set(endedOf(one).flatMap(({ receipt, outcome }) => (outcome === 'convicted' ? [receipt] : [])));
  const first = one.followed.findIndex(({ receipt }) => convicted.has(receipt));
  return first < 0 ? undefined : one.followed.slice(0, first).reduce((sum, { tokens }) => sum + tokens, 0);
}

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
      audits: one.followed.length,
      tokensBefore: tokensBefore(one),
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
    complaints: [
      ...rows.flatMap((row) => complaintsOf(row, heldTokens)),
      ...(agree ? [] : ['Validators do not agree on how trials ended.']),
    ],
  };
}

const isConviction = (effect: OfTrial['effect']) => effect.type === 'settled' && effect.outcome === 'convicted';
const marks = ({ effect, trial }: OfTrial, audit: string) =>
  effect.type === 'mark-accuser' && trial.accusation.audit === audit;

/** @param heldAt by how a row of docs/VERIFICATION.md begins: the tokens within which an audit convicts. */
export function complaintsOf(row: TownRow, heldAt: (row: string) => number): string[] {
  const { manner, audits, outcomes, appealsLost, isAccusedFalsely, isAccuserMarked, tokensBefore } = row;
  const { isHonest, row: published } = mannerOf(manner);
  const of = (outcome: string) => outcomes[outcome] ?? 0;
  const ended = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const complaints = ended < audits ? [`${audits - ended} audits of ${manner} did not end.`] : [];
  if (isAccusedFalsely) {
    if (of('cleared') !== audits) complaints.push('An honest worker that was accused was not cleared.');
    if (!isAccuserMarked) complaints.push('Who accused an honest worker was not marked.');
  } else if (isHonest) {
    if (of('passed') !== audits) complaints.push(`Not every answer passed of ${manner}.`);
  } else {
    const held = heldAt(published!);
    if (tokensBefore === undefined) complaints.push(`Nobody was convicted of ${manner}.`);
    else if (tokensBefore >= held)
      complaints.push(`${manner} was found only after ${tokensBefore} tokens, and ${held} are published.`);
    const wanted = appealsOnlyOnChain(manner) ? 0 : of('convicted');
    if (appealsLost !== wanted) complaints.push(`Not every conviction of ${manner} was appealed against and held.`);
  }
  return complaints;
}
