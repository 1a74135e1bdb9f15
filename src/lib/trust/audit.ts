import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { AuditCounts } from './audit-share.ts';
import type { BeaconValue } from './beacon.ts';
import { newTrial, reduceTrial } from './trial.ts';
import type { RefusalCode, TrialEffect, TrialEvent, TrialOutcome, TrialState, TrialTerms } from './trial-state.ts';

/**
 * One receipt under the eyes of one auditor, who has its prompt: the maker of a canary, an asker who released its job, or who was
 * asked to look for one. The worker commits to its epoch, a beacon picks, the worker opens the leaf, the auditor re-scores; only a
 * failed score goes on to be judged by others. Whatever is merely late or missing convicts nobody.
 */
export interface AuditTerms {
  readonly worker: PeerId;
  /** Hash of the receipt. */
  readonly receipt: string;
  /** When the worker dated it, in milliseconds since the epoch. */
  readonly issuedAt: number;
  /** `against`: a job that its asker released, which nobody gains by. */
  readonly counts: AuditCounts;
  readonly windows: AuditWindows;
}

/** In milliseconds, but for the counts. */
export interface AuditWindows {
  /** From the receipt to a commitment of its epoch. */
  readonly epochMs: number;
  readonly beaconRetryMs: number;
  readonly beaconAsksMax: number;
  readonly openingRetryMs: number;
  readonly openingAsksMax: number;
  readonly scoreMs: number;
  /** From a failed score until the accusation's turn: one auditor may not accuse many at once. */
  readonly turnMs: number;
}

export const auditWindows: AuditWindows = {
  epochMs: 3 * 3_600_000,
  beaconRetryMs: 30_000,
  beaconAsksMax: 40,
  openingRetryMs: 60_000,
  openingAsksMax: 10,
  scoreMs: 10 * 60_000,
  // Past the day in which a conviction may be appealed; those who judge remember an epoch for two.
  turnMs: 40 * 3_600_000,
};

export type AuditOutcome =
  | TrialOutcome
  | 'not-picked'
  | 'passed'
  | 'undecided'
  | 'not-released'
  /** The worker did not commit in time, left the receipt out, or did not open it: de-ranked, and nothing worse. */
  | 'unresponsive';

export type AuditState = {
  readonly terms: AuditTerms;
  /** The latest time that an event brought. */
  readonly at: number;
  readonly deadline: number;
} &
  /** `hasMissed`: its auditor was away, and may not have heard the commitment. */
  (
    | { readonly phase: 'receipted'; readonly hasMissed?: true }
    | { readonly phase: 'committed'; readonly round: number; readonly asks: number }
    /** The beacon's round is there, and with it what it picks. */
    | { readonly phase: 'picked'; readonly asks: number }
    | { readonly phase: 'opened' }
    | { readonly phase: 'tried'; readonly trial: TrialState }
    | { readonly phase: 'settled'; readonly outcome: AuditOutcome }
  );

export type AuditEvent =
  | TrialEvent
  | ({ readonly at: number } & (
      | {
          readonly type: 'epoch-committed';
          /** Whether it was signed for the receipt's time. */
          readonly covers: boolean;
          /** The round of the beacon that picks, and when that is due. */
          readonly round: number;
          readonly dueAt: number;
        }
      | { readonly type: 'beacon'; readonly result: BeaconValue['type'] }
      /** By the worker: the receipt's leaf and a proof that holds, which tells whether it was picked; or anything else. */
      | { readonly type: 'opened'; readonly proof: 'holds' | 'not-picked' | 'fails' | 'absent' }
      /** The auditor was away, and knows what is stored; of an accusation, where its trial stands by what all have told. */
      | { readonly type: 'resumed'; readonly trial?: TrialState | undefined }
      /** The prompt is not to be shown. */
      | { readonly type: 'not-released' }
      /** The score failed, or the answer is planted: it will be `scored` when it is its accusation's turn. */
      | { readonly type: 'failed' }
      | {
          readonly type: 'scored';
          readonly verdict: 'passed' | 'failed' | 'undecided';
          /** What the accusation will be tried under; of a failed score. */
          readonly trial?: TrialTerms | undefined;
        }
    ));

export type AuditEffect =
  | TrialEffect
  | { readonly type: 'ask-beacon'; readonly round: number }
  | { readonly type: 'ask-opening' }
  | { readonly type: 'score' }
  | { readonly type: 'accuse'; readonly trial: TrialTerms }
  | { readonly type: 'unresponsive'; readonly worker: PeerId; readonly reason: UnresponsiveReason }
  /** `counts`: what may be made of the outcome. */
  | { readonly type: 'settled'; readonly outcome: AuditOutcome; readonly counts: AuditCounts };

export type UnresponsiveReason = 'no-commitment' | 'late-commitment' | 'left-out' | 'not-opened';

type Step = readonly [AuditState, readonly AuditEffect[]];
type Waiting<Phase extends AuditState['phase']> = Extract<AuditState, { phase: Phase }>;

export const newAudit = (terms: AuditTerms, at: number): AuditState => ({
  terms,
  at,
  phase: 'receipted',
  deadline: Math.max(at, Math.min(terms.issuedAt, at + limits.auditClockSkewMs)) + terms.windows.epochMs,
});

/** Wants a tick at least every minute while it is not settled. What does not fit changes nothing but the time. */
export function reduceAudit(before: AuditState, event: AuditEvent): Step {
  if (before.phase === 'settled') return refused(before, 'wrong-phase');
  if (event.type === 'resumed') return resume(before, event);
  if (before.phase === 'tried') return tryOn(before, event);
  const state = event.at > before.at ? { ...before, at: event.at } : before;
  if (event.type === 'tick') return state.at > state.deadline ? timeOut(state) : [state, []];
  switch (event.type) {
    case 'epoch-committed':
      return state.phase === 'receipted' ? commitTo(state, event) : refused(state, 'wrong-phase');
    case 'beacon':
      return state.phase === 'committed' ? pick(state, event.result) : refused(state, 'wrong-phase');
    case 'opened':
      if (state.phase !== 'picked') return refused(state, 'wrong-phase');
      if (event.proof === 'holds')
        return [
          { ...base(state), phase: 'opened', deadline: state.at + state.terms.windows.scoreMs },
          [{ type: 'score' }],
        ];
      if (event.proof === 'not-picked') return settle(state, 'not-picked');
      return event.proof === 'absent' ? giveUp(state, 'left-out') : askAgain(state);
    case 'not-released':
      return state.phase === 'picked' || state.phase === 'opened'
        ? settle(state, 'not-released')
        : refused(state, 'wrong-phase');
    case 'failed':
      return state.phase === 'opened'
        ? [{ ...state, deadline: state.at + state.terms.windows.turnMs }, []]
        : refused(state, 'wrong-phase');
    case 'scored':
      return state.phase === 'opened' ? judge(state, event) : refused(state, 'wrong-phase');
    default:
      return refused(state, 'wrong-phase');
  }
}

type Committed = Extract<AuditEvent, { type: 'epoch-committed' }>;

function commitTo(state: Waiting<'receipted'>, { covers, round, dueAt }: Committed): Step {
  // The epoch of another time: this one's is still to come.
  if (!covers) return [state, []];
  // The round was known already when the commitment was first seen: the worker could have chosen what it picks.
  if (state.at >= dueAt) return giveUp(state, 'late-commitment');
  return [{ ...base(state), phase: 'committed', round, asks: 0, deadline: dueAt }, []];
}

function pick(state: Waiting<'committed'>, result: Extract<AuditEvent, { type: 'beacon' }>['result']): Step {
  if (result !== 'value') return [state, []];
  const deadline = state.at + state.terms.windows.openingRetryMs;
  return [{ ...base(state), phase: 'picked', asks: 1, deadline }, [{ type: 'ask-opening' }]];
}

function timeOut(state: Exclude<AuditState, { phase: 'settled' | 'tried' }>): Step {
  const { beaconRetryMs, beaconAsksMax } = state.terms.windows;
  switch (state.phase) {
    case 'receipted':
      return state.hasMissed ? settle(state, 'undecided') : giveUp(state, 'no-commitment');
    case 'committed':
      if (state.asks >= beaconAsksMax) return settle(state, 'no-beacon');
      return [
        { ...state, asks: state.asks + 1, deadline: state.at + beaconRetryMs },
        [{ type: 'ask-beacon', round: state.round }],
      ];
    case 'picked':
      return askAgain(state);
    case 'opened':
      return settle(state, 'undecided');
  }
}

/** Once is bad luck; again and again over the whole window is a refusal. A bad proof counts as none. */
function askAgain(state: Waiting<'picked'>): Step {
  const { openingAsksMax, openingRetryMs } = state.terms.windows;
  // An answer that comes at once must not use up the time there is to give another.
  if (state.at <= state.deadline) return [state, []];
  if (state.asks >= openingAsksMax) return giveUp(state, 'not-opened');
  return [{ ...state, asks: state.asks + 1, deadline: state.at + openingRetryMs }, [{ type: 'ask-opening' }]];
}

/** What an auditor missed while it was away is nobody's fault but its own: each window that it waited in is open once more. */
function resume(
  before: Exclude<AuditState, { phase: 'settled' }>,
  { at: now, trial }: Extract<AuditEvent, { type: 'resumed' }>,
): Step {
  const state = { ...before, at: Math.max(before.at, now) };
  const { windows } = state.terms;
  switch (state.phase) {
    case 'receipted':
      return [{ ...state, hasMissed: true }, []];
    case 'committed':
      return [{ ...state, asks: Math.min(state.asks, windows.beaconAsksMax - 1) }, []];
    case 'picked': {
      const asks = Math.min(state.asks, windows.openingAsksMax - 1);
      return [{ ...state, asks, deadline: Math.min(state.deadline, state.at) }, []];
    }
    case 'opened':
      return [{ ...state, deadline: state.at + windows.scoreMs }, [{ type: 'score' }]];
    case 'tried':
      // An accusation that nobody has heard of is none.
      if (!trial) return settle(state, 'undecided');
      return trial.outcome === undefined ? [{ ...state, trial }, []] : settle(state, trial.outcome);
  }
}

function judge(state: Waiting<'opened'>, { verdict, trial }: Extract<AuditEvent, { type: 'scored' }>): Step {
  if (verdict !== 'failed') return settle(state, verdict);
  if (!trial) return settle(state, 'undecided');
  const [tried, effects] = newTrial(trial, state.at);
  return [{ ...base(state), phase: 'tried', trial: tried }, [{ type: 'accuse', trial }, ...effects]];
}

function tryOn(state: Waiting<'tried'>, event: AuditEvent): Step {
  if (!isOfTrial(event)) return refused(state, 'wrong-phase');
  const [trial, effects] = reduceTrial(state.trial, event);
  const at = Math.max(state.at, trial.at);
  if (trial.outcome === undefined) return [{ ...state, at, trial }, effects];
  return [{ ...base(state), at, phase: 'settled', outcome: trial.outcome }, effects];
}

const trialEvents: ReadonlySet<string> = new Set(['tick', 'drawn', 'committed', 'revealed', 'unsealed', 'appealed']);
const isOfTrial = (event: AuditEvent): event is TrialEvent => trialEvents.has(event.type);

const base = ({ terms, at, deadline }: AuditState) => ({ terms, at, deadline });

const settle = (state: AuditState, outcome: AuditOutcome, effects: readonly AuditEffect[] = []): Step => [
  { ...base(state), phase: 'settled', outcome },
  [...effects, { type: 'settled', outcome, counts: state.terms.counts }],
];

const giveUp = (state: AuditState, reason: UnresponsiveReason): Step =>
  settle(state, 'unresponsive', [{ type: 'unresponsive', worker: state.terms.worker, reason }]);

const refused = (state: AuditState, code: RefusalCode): Step => [state, [{ type: 'refused', code }]];
