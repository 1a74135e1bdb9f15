import type { Reveal } from '#lib/protocol/audit.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import {
  findingOf,
  quorumOf,
  type CountedVote,
  type PanelFault,
  type Place,
  type RefusalCode,
  type Step,
  type TrialEffect,
  type TrialState,
  type Vote,
} from './trial-state.ts';
import { commitmentOf, faultOfReveal, strayValidators } from './vote.ts';

/**
 * Fills the panel from those who were drawn: at first, and again when a window is over and some have not committed. Where nobody
 * is left to call, those who have committed go on.
 */
export function takeSeats(state: TrialState): Step {
  const { round, sitting, seated, votes, waiting, terms, at } = state;
  const present = seated.filter((peer) => votes[peer]);
  const slept = seated.filter((peer) => !votes[peer]);
  const faults = slept.map((validator): TrialEffect => ({ type: 'fault', validator, code: 'slept' }));
  const called = waiting.slice(0, quorumOf[round] - present.length);
  const absent = [...state.absent, ...slept];
  if (called.length === 0) return startReveals({ ...state, seated: present, absent }, faults);
  const deadline = at + terms.windows.commitMs;
  return [
    {
      ...state,
      phase: 'committing',
      seated: [...present, ...called],
      waiting: waiting.slice(called.length),
      absent,
      deadline,
    },
    [...faults, { type: 'seat', round, sitting, validators: called }],
  ];
}

function startReveals(state: TrialState, effects: readonly TrialEffect[]): Step {
  const { round, sitting, seated, votes, terms, at } = state;
  const validators = seated.filter((peer) => !votes[peer]!.fault);
  // Nobody to reveal: the window is over before it began.
  const deadline = validators.length === 0 ? at : at + terms.windows.revealMs;
  return [
    { ...state, phase: 'revealing', deadline },
    [...effects, { type: 'call-reveals', round, sitting, validators }],
  ];
}

interface Committed extends Place {
  readonly validator: PeerId;
  readonly commitment: string;
}

export function commit(state: TrialState, { validator, commitment, round, sitting }: Committed): Step {
  if (state.phase !== 'committing') {
    const isPast = state.phase === 'revealing' && state.round === round && state.sitting === sitting;
    const known = state.votes[validator]?.commitment === commitment;
    return refused(state, known ? 'duplicate' : isPast ? 'late-commitment' : 'wrong-phase');
  }
  if (round !== state.round || sitting !== state.sitting) return refused(state, 'wrong-sitting');
  if (!state.seated.includes(validator)) return refused(state, 'not-on-panel');
  const before = state.votes[validator];
  if (before?.commitment === commitment || before?.fault) return refused(state, 'duplicate');
  // The first commitment stands against the second, and neither counts.
  if (before) return withFault(state, validator, 'changed-mind');
  const votes = { ...state.votes, [validator]: { commitment, order: Object.keys(state.votes).length } };
  const next = { ...state, votes };
  return next.seated.every((peer) => votes[peer]) ? startReveals(next, []) : [next, []];
}

export function reveal(state: TrialState, told: Reveal): Step {
  const { phase, votes, terms } = state;
  const isHere = told.audit === terms.audit && told.round === state.round && told.sitting === state.sitting;
  if (!isHere) return refused(state, 'wrong-sitting');
  const vote = votes[told.validator];
  if (phase === 'drawing' || phase === 'committing') return refused(state, 'wrong-phase');
  if (phase !== 'revealing') return refused(state, 'late-reveal');
  if (!vote) return refused(state, 'no-commitment');
  if (vote.reveal || vote.fault) return refused(state, 'duplicate');
  if (commitmentOf(told) !== vote.commitment) return withFault(state, told.validator, 'changed-mind');
  return [{ ...state, votes: { ...votes, [told.validator]: { ...vote, reveal: told } } }, []];
}

/** Counts what was validly revealed, on top of the sittings before, and finds who did not vote as one must. */
export function closeSitting(state: TrialState): Step {
  const { seated, votes, round, terms } = state;
  const told = seated
    .flatMap((peer) => (votes[peer]?.reveal ? [votes[peer] as Vote & { readonly reveal: Reveal }] : []))
    .sort((a, b) => a.order - b.order);
  const faults = new Map<PeerId, PanelFault>();
  const silent = seated.filter((peer) => !votes[peer]?.reveal && !votes[peer]?.fault);
  for (const peer of silent) faults.set(peer, 'no-reveal');
  for (const [at, { reveal: one, commitment }] of told.entries()) {
    const earlier = told.slice(0, at).map(({ reveal: other }) => other);
    const fault = faultOfReveal(one, commitment, { positions: terms.positions, earlier });
    if (fault) faults.set(one.validator, fault);
  }
  const sound = told.filter(({ reveal: one }) => !faults.has(one.validator));
  for (const peer of strayValidators(sound.map(({ reveal: one }) => one))) faults.set(peer, 'stray-values');
  const counted: readonly CountedVote[] = [
    ...state.counted,
    ...sound
      .filter(({ reveal: one }) => !faults.has(one.validator))
      .map(({ reveal: one, commitment }) => ({ validator: one.validator, verdict: one.verdict, commitment })),
  ];
  return [
    {
      ...state,
      counted,
      finding: findingOf(counted, round),
      votes: {},
      seated: [],
      absent: [...state.absent, ...silent],
    },
    [...faults].map(([validator, code]) => ({ type: 'fault', validator, code })),
  ];
}

function withFault(state: TrialState, validator: PeerId, code: PanelFault): Step {
  const vote = { ...state.votes[validator]!, fault: code };
  return [
    { ...state, votes: { ...state.votes, [validator]: vote } },
    [
      { type: 'fault', validator, code },
      { type: 'refused', code: 'changed-mind' },
    ],
  ];
}

const refused = (state: TrialState, code: RefusalCode): Step => [state, [{ type: 'refused', code }]];
