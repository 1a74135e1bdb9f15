import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { shuffled } from './beacon.ts';
import { closeSitting, commit, reveal, takeSeats } from './sitting.ts';
import {
  quorumOf,
  type RefusalCode,
  type Step,
  type TrialEffect,
  type TrialEvent,
  type TrialOutcome,
  type TrialState,
  type TrialTerms,
} from './trial-state.ts';
import { sealOf } from './vote.ts';

/**
 * An accusation and what comes of it, as each validator works it out alone from the same signed records: a panel is drawn,
 * commits, reveals, and is counted; the accuser then opens its seal; a worker found guilty may appeal once, to a larger panel.
 * Nobody is convicted but by a quorum of distinct validators who are no party. Every phase ends by itself.
 */
export function newTrial(terms: TrialTerms, at: number): Step {
  const deadline = at + terms.windows.drawMs;
  const state: TrialState = {
    terms,
    phase: 'drawing',
    round: 1,
    sitting: 1,
    draw: undefined,
    waiting: [],
    absent: [],
    seated: [],
    votes: {},
    counted: [],
    finding: undefined,
    outcome: undefined,
    at,
    deadline,
    jumps: 0,
  };
  return [state, [{ type: 'draw', after: at }]];
}

/**
 * Wants a tick at least every `jumpMs / 2` while it is not settled. Events that do not fit change nothing but the time, and give a
 * `refused` with a code.
 */
export function reduceTrial(state: TrialState, event: TrialEvent): Step {
  if (state.phase === 'settled') return refused(state, 'wrong-phase');
  const [current, before] = passTime(state, event.at);
  if (event.type === 'tick') return [current, before];
  if (current.phase === 'settled') return [current, [...before, { type: 'refused', code: 'wrong-phase' }]];
  const [next, after] = apply(current, event);
  return [next, [...before, ...after]];
}

function apply(state: TrialState, event: Exclude<TrialEvent, { type: 'tick' }>): Step {
  switch (event.type) {
    case 'drawn': {
      if (state.phase !== 'drawing') return refused(state, 'wrong-phase');
      const waiting = candidatesOf(state.terms, (peers) =>
        shuffled(event.draw, `panel ${state.terms.audit} ${state.round}`, peers),
      );
      return takeSeats({ ...state, draw: event.draw, waiting, absent: [], sitting: 1, counted: [] });
    }
    case 'committed':
      return commit(state, event);
    case 'revealed': {
      const [next, effects] = reveal(state, event.reveal);
      return and(next, effects, isDone(next) ? endSitting : stay);
    }
    case 'unsealed': {
      if (state.phase !== 'unsealing') return refused(state, 'wrong-phase');
      if (sealOf(state.terms.audit, event.salt, event.truth) !== state.terms.seal) return refused(state, 'bad-seal');
      return event.truth === 'real' ? settleRound1(state) : settlePlanted(state, event.truth);
    }
    case 'appealed': {
      if (event.by !== state.terms.worker) return refused(state, 'not-a-party');
      if (state.phase !== 'appealable') return refused(state, 'wrong-phase');
      const deadline = state.at + state.terms.windows.drawMs;
      return [
        { ...state, phase: 'drawing', round: 2, waiting: [], seated: [], votes: {}, counted: [], deadline },
        [{ type: 'draw', after: event.appealedAt }],
      ];
    }
  }
}

/** Windows that have closed by then do what they do, one after the other. */
function passTime(state: TrialState, at: number): Step {
  const { jumpMs } = state.terms.windows;
  // Signed records arrive in any order; time only goes on.
  if (!(at > state.at)) return at < state.at - jumpMs ? refused(state, 'clock-behind') : [state, []];
  const gap = at - state.at;
  if (gap > jumpMs && at > state.deadline && state.jumps < jumpsMax) {
    const deadline = at + Math.max(0, state.deadline - state.at);
    return [{ ...state, at, deadline, jumps: state.jumps + 1 }, [{ type: 'refused', code: 'clock-jump' }]];
  }
  return and({ ...state, at }, [], at > state.deadline ? timeOut : stay);
}

/** A machine that sleeps each night is waited for a few times, and no more: a trial ends. */
const jumpsMax = 4;

function timeOut(state: TrialState): Step {
  switch (state.phase) {
    case 'drawing':
      // Whose beacon fails convicts nobody; a conviction that was appealed is no conviction yet.
      return settle(state, 'no-beacon', state.round === 2 ? [{ type: 'restore', worker: state.terms.worker }] : []);
    case 'committing':
      return takeSeats(state);
    case 'revealing':
      return endSitting(state);
    case 'unsealing':
      // A seal that stays closed saves nobody.
      return settleRound1(state);
    case 'appealable':
      return settle(state, 'convicted');
    case 'settled':
      return [state, []];
  }
}

const isDone = ({ phase, seated, votes }: TrialState) =>
  phase === 'revealing' && seated.every((peer) => votes[peer]!.reveal || votes[peer]!.fault);

/** What a sitting that everybody has revealed in, or whose window is over, leads to. */
function endSitting(state: TrialState): Step {
  const [closed, effects] = closeSitting(state);
  const { finding, round, sitting, terms } = closed;
  // Who was late once is called again, after all others: a busy machine must not save a cheat.
  const waiting = [...closed.waiting, ...closed.absent];
  if (finding === 'split' && sitting < limits.auditSittingsMax && waiting.length > 0) {
    const next = { waiting, absent: [], sitting: sitting + 1, seated: [], votes: {}, finding: undefined };
    return and({ ...closed, ...next }, effects, takeSeats);
  }
  if (round === 1) {
    const deadline = closed.at + terms.windows.unsealMs;
    return [{ ...closed, phase: 'unsealing', deadline }, [...effects, { type: 'ask-seal', accuser: terms.accuser }]];
  }
  if (finding === 'guilty') return and(closed, effects, (last) => settle(last, 'convicted'));
  const restore: TrialEffect = { type: 'restore', worker: terms.worker };
  const mark: TrialEffect = { type: 'mark-accuser', accuser: terms.accuser, code: 'overturned' };
  const isCleared = finding === 'innocent';
  const last = isCleared ? [restore, mark] : [restore];
  return and(closed, effects, (it) => settle(it, isCleared ? 'cleared' : splitOutcome(it), last));
}

function settleRound1(state: TrialState): Step {
  const { terms, finding, counted, at } = state;
  if (finding === 'split') return settle(state, splitOutcome(state));
  if (finding === 'innocent')
    return settle(state, 'cleared', [{ type: 'mark-accuser', accuser: terms.accuser, code: 'false-accusation' }]);
  const deadline = at + terms.windows.appealMs;
  const evidence = { audit: terms.audit, votes: counted };
  return [
    { ...state, phase: 'appealable', deadline },
    [
      { type: 'derank', worker: terms.worker },
      { type: 'dispute', worker: terms.worker, receiptHash: terms.receipt, evidence },
    ],
  ];
}

/** Fewer than could convict is no finding, of the worker as little as of its accuser. */
const splitOutcome = ({ counted, round }: TrialState): TrialOutcome =>
  counted.filter(({ verdict }) => verdict !== 'undecided').length < quorumOf[round] ? 'undecided' : 'dismissed';

/** Nobody is convicted of what was planted, whatever the panel found; those who did not look are found out. */
function settlePlanted(state: TrialState, truth: 'planted-guilty' | 'planted-innocent'): Step {
  const wrong = truth === 'planted-guilty' ? 'innocent' : 'guilty';
  const missed = state.counted.filter(({ verdict }) => verdict === wrong);
  return settle(
    state,
    'planted',
    missed.map(({ validator }) => ({ type: 'fault', validator, code: 'missed-plant' })),
  );
}

const settle = (
  state: TrialState,
  outcome: NonNullable<TrialState['outcome']>,
  effects: readonly TrialEffect[] = [],
): Step => [{ ...state, phase: 'settled', outcome }, [...effects, { type: 'settled', outcome }]];

/** No party judges. Of the worker's own engine class, the first that was drawn comes before all others. */
function candidatesOf(
  { candidates, worker, accuser, asker, engineClass }: TrialTerms,
  draw: (peers: readonly PeerId[]) => readonly PeerId[],
): readonly PeerId[] {
  const parties = new Set([worker, accuser, asker]);
  const classes = new Map(candidates.map((one) => [one.peer, one.engineClass]));
  const drawn = draw([...classes.keys()].filter((peer) => !parties.has(peer)));
  const [akin] = drawn.filter((peer) => classes.get(peer) === engineClass);
  return akin === undefined ? drawn : [akin, ...drawn.filter((peer) => peer !== akin)];
}

const stay = (state: TrialState): Step => [state, []];
const refused = (state: TrialState, code: RefusalCode): Step => [state, [{ type: 'refused', code }]];

function and(state: TrialState, effects: readonly TrialEffect[], then: (state: TrialState) => Step): Step {
  const [next, more] = then(state);
  return [next, [...effects, ...more]];
}
