import type { ErrorRecord } from '#lib/base/errors.ts';
import { noCounts, noWork } from '#lib/peer/serve/no-work.ts';
import type { Audience } from '#lib/peer/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import type { HoldReason, ModelSharing, PauseReason } from '#lib/state/sharing.ts';
import type { Counters, SharingEffect, SharingEvent, SharingState } from './sharing-spec.ts';

type Step = readonly [SharingState, readonly SharingEffect[]];

/** A model that is lost again within this time of its reload is not reloaded a second time. */
const reloadGapMs = 10 * 60_000;

/** What holds for a model from the first: the device's reach and holds, and what was done with the model before. */
export const initialSharing = (
  model: string,
  { reach, holds, counters }: Partial<Pick<SharingState, 'reach' | 'holds' | 'counters'>> = {},
): SharingState => ({
  view: { model, phase: 'off', why: undefined, startedAt: undefined, ...noCounts, error: undefined },
  attempt: 0,
  resuming: false,
  modelStays: false,
  reach: reach ?? 'self',
  holds: holds ?? [],
  counters: counters ?? noWork,
  before: counters ?? noWork,
  reloadedAt: undefined,
});

/** The audience of the model in this state. */
export const audienceOf = ({ view, reach }: SharingState): Audience =>
  view.phase === 'sharing' && reach === 'network' ? 'network' : 'self';

export function reduceSharing(state: SharingState, event: SharingEvent): Step {
  const { phase } = state.view;
  const unchanged: Step = [state, []];
  switch (event.type) {
    case 'start-asked':
      return start(state, event);
    case 'model-loaded':
      if (phase !== 'loading' || event.attempt !== state.attempt) return unchanged;
      return [
        show({ ...state, modelStays: state.resuming ? state.modelStays : event.stays }, { phase: 'measuring' }),
        [{ type: 'measure', attempt: state.attempt }],
      ];
    case 'load-failed':
      if (phase !== 'loading' || event.attempt !== state.attempt) return unchanged;
      return fail(state, event.error);
    case 'measured':
      if (phase !== 'measuring' || event.attempt !== state.attempt) return unchanged;
      return event.result.kind === 'too-slow'
        ? fail(state, event.result.error)
        : begin(state, event.result.measured, event.at);
    case 'measuring-failed':
      if (phase !== 'measuring' || event.attempt !== state.attempt) return unchanged;
      return fail(state, event.error);
    case 'stop-asked':
      return stop(state, event);
    case 'pause-asked':
      if (phase !== 'sharing' && phase !== 'paused') return unchanged;
      return hold(state, 'asked');
    case 'resume-asked':
      return phase === 'paused' ? applyHolds({ ...state, holds: [] }) : unchanged;
    case 'held':
      return hold(state, event.reason);
    case 'released':
      if (!state.holds.includes(event.reason)) return unchanged;
      return applyHolds({ ...state, holds: state.holds.filter((reason) => reason !== event.reason) });
    case 'provider-changed':
      return changeProvider(state, event);
    case 'provider-updated':
      return updateCounters(state, event);
    case 'model-lost':
      return lose(state, event);
    case 'model-gone':
      return phase === 'measuring' || isServing(state) ? end({ ...state, modelStays: true }, 'unloaded') : unchanged;
  }
}

const show = (state: SharingState, change: Partial<ModelSharing>): SharingState => ({
  ...state,
  view: { ...state.view, ...change },
});

const isServing = ({ view: { phase } }: SharingState) =>
  phase === 'sharing' || phase === 'paused' || phase === 'finishing';
const isStarting = ({ view: { phase } }: SharingState) => phase === 'loading' || phase === 'measuring';

function start(state: SharingState, { attempt }: Extract<SharingEvent, { type: 'start-asked' }>): Step {
  const refuse = (code: string, message: string): Step => [
    state,
    [{ type: 'conclude-start', attempt, error: { code, message } }],
  ];
  if (state.reach === 'self')
    return refuse(
      'identity-elsewhere',
      'Only the tab that holds this device’s key can share. Choose “Use here” first, or see in Doctor why that is not possible.',
    );
  if (isStarting(state) || isServing(state))
    return refuse('already-sharing', 'This device is already sharing this model. Stop it first, then start again.');
  const fresh = { ...state, attempt, resuming: false, modelStays: false };
  return [
    show(fresh, {
      phase: 'loading',
      why: undefined,
      startedAt: undefined,
      ...noCounts,
      error: undefined,
    }),
    [{ type: 'load', attempt }],
  ];
}

function begin(state: SharingState, measured: Measured | undefined, at: number): Step {
  const { resuming, attempt, counters } = state;
  const [why] = state.holds;
  const next = show(
    { ...state, resuming: false, before: resuming ? state.before : counters },
    {
      phase: why ? 'paused' : 'sharing',
      why,
      startedAt: resuming ? state.view.startedAt : at,
      error: undefined,
    },
  );
  return [
    next,
    [
      { type: 'keep-consent' },
      { type: 'offer', audience: audienceOf(next), measured },
      ...(resuming ? [] : [{ type: 'conclude-start', attempt } as const]),
    ],
  ];
}

/** The effects that end a start in progress, if there is one. */
function abandonStart({ resuming, attempt, view: { phase } }: SharingState, error: ErrorRecord): SharingEffect[] {
  if (phase !== 'loading' && phase !== 'measuring') return [];
  return [{ type: 'abandon', attempt }, ...(resuming ? [] : [{ type: 'conclude-start', attempt, error } as const])];
}

const stopped: ErrorRecord = { code: 'aborted', message: 'Sharing was stopped before it started.' };

/** The model stays loaded and still answers this device, if it can. */
function fail(state: SharingState, error: ErrorRecord): Step {
  const wasStopped = error.code === 'aborted';
  const next = show(
    { ...state, resuming: false },
    {
      phase: wasStopped ? 'off' : 'failed',
      why: undefined,
      startedAt: undefined,
      ...noCounts,
      error: wasStopped ? undefined : error,
    },
  );
  return [next, abandonStart(state, error)];
}

function end(state: SharingState, why: PauseReason | undefined, running: 'left' | 'cut-off' = 'left'): Step {
  const next = show(
    { ...state, resuming: false, holds: state.holds.filter((reason) => reason !== 'asked') },
    { phase: 'off', why, startedAt: undefined, ...noCounts, error: undefined },
  );
  const isLoaded = state.view.phase !== 'loading';
  return [
    next,
    [
      ...abandonStart(state, stopped),
      ...(isLoaded ? [{ type: 'offer', audience: 'self' } as const] : []),
      ...(running === 'cut-off' && isServing(state) && state.counters.running > 0
        ? [{ type: 'cut-off' } as const]
        : []),
      ...(isLoaded && !state.modelStays ? [{ type: 'unload' } as const] : []),
    ],
  ];
}

function stop(state: SharingState, { how, why }: Extract<SharingEvent, { type: 'stop-asked' }>): Step {
  const { phase } = state.view;
  if (phase === 'off' || phase === 'failed') return [state, []];
  if (how === 'now' || isStarting(state)) return end(state, why, 'cut-off');
  if (phase === 'finishing') return [state, []];
  if (state.counters.running + state.counters.queued === 0) return end(state, why);
  return [show(state, { phase: 'finishing', why }), [{ type: 'offer', audience: 'self' }]];
}

function hold(state: SharingState, reason: HoldReason | 'asked'): Step {
  return state.holds.includes(reason) ? [state, []] : applyHolds({ ...state, holds: [...state.holds, reason] });
}

/** Pauses or resumes, by the reasons to pause. */
function applyHolds(state: SharingState): Step {
  const { phase } = state.view;
  if (phase !== 'sharing' && phase !== 'paused') return [state, []];
  const [why] = state.holds;
  const next = show(state, { phase: why ? 'paused' : 'sharing', why });
  return [next, next.view.phase === phase ? [] : [{ type: 'offer', audience: audienceOf(next) }]];
}

function changeProvider(state: SharingState, event: Extract<SharingEvent, { type: 'provider-changed' }>): Step {
  const { reach, counters } = event;
  const next = { ...state, reach, counters, before: minus(counters, minus(state.counters, state.before)) };
  if (reach === 'self' && (isStarting(state) || isServing(state))) return end(next, 'guest');
  return [next, [{ type: 'offer', audience: audienceOf(next) }]];
}

function updateCounters(
  state: SharingState,
  { counters, at }: Extract<SharingEvent, { type: 'provider-updated' }>,
): Step {
  const next = { ...state, counters };
  if (!isServing(state)) return [next, []];
  const { phase, startedAt, why } = state.view;
  if (phase === 'finishing' && counters.running + counters.queued === 0) return end(next, why);
  const { busyMs, ...done } = minus(counters, state.before);
  const elapsedMs = Math.max(1, at - (startedAt ?? at));
  return [show(next, { ...done, duty: Math.max(0, Math.min(1, busyMs / elapsedMs)) }), []];
}

/** Differences of the sums; gauges stay as they are now. */
const minus = (now: Counters, then: Counters): Counters => ({
  running: now.running,
  queued: now.queued,
  jobsDone: now.jobsDone - then.jobsDone,
  jobsFailed: now.jobsFailed - then.jobsFailed,
  jobsRefused: now.jobsRefused - then.jobsRefused,
  tokensIn: now.tokensIn - then.tokensIn,
  tokensOut: now.tokensOut - then.tokensOut,
  decodeTps: now.decodeTps,
  busyMs: now.busyMs - then.busyMs,
});

function lose(state: SharingState, event: Extract<SharingEvent, { type: 'model-lost' }>): Step {
  const { phase } = state.view;
  if (phase === 'measuring' || phase === 'finishing') return fail(state, event.error);
  if (phase !== 'sharing' && phase !== 'paused') return [state, []];
  const { at, attempt, error } = event;
  if (state.reloadedAt !== undefined && at - state.reloadedAt < reloadGapMs) return fail(state, error);
  return [
    show(
      { ...state, attempt, resuming: true, reloadedAt: at },
      { phase: 'loading', why: undefined, running: 0, queued: 0, error },
    ),
    [{ type: 'load', attempt }],
  ];
}
