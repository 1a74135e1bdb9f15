import type { ErrorRecord } from '#lib/base/errors.ts';

/**
 * What is known of one model server and of each model on it, from its list of models (asked for every two seconds) and from
 * how requests end. Pure; its runner is `backend.ts`.
 */
export interface BackendState {
  readonly phase: 'starting' | 'up' | 'down';
  /** Why it is down. */
  readonly error?: ErrorRecord | undefined;
  /** The models that it lists; none while it is down. */
  readonly models: ReadonlyMap<string, ModelState>;
}

export interface ModelState {
  /**
   * `preparing`: features and speed are being found out. `suspect`: requests failed, and a trial decides
   * whether the model or the requests are at fault. `failing`: not served until a trial succeeds.
   */
  readonly phase: 'preparing' | 'serving' | 'suspect' | 'failing';
  /** Failed requests in a row. */
  readonly failures: number;
  /** Failed trials in a row. */
  readonly trials: number;
  /** Why it is failing. */
  readonly error?: ErrorRecord | undefined;
}

export type BackendEvent =
  | { readonly type: 'listed'; readonly models: readonly string[] }
  /** `heard`: another request received bytes while this one waited in vain. */
  | { readonly type: 'unlisted'; readonly error: ErrorRecord; readonly heard: boolean }
  | { readonly type: 'prepared'; readonly model: string }
  | { readonly type: 'request-done'; readonly model: string }
  | { readonly type: 'request-failed'; readonly model: string; readonly error: ErrorRecord }
  /** The provider no longer serves it, after failures of its own counting. */
  | { readonly type: 'withdrawn'; readonly model: string; readonly error: ErrorRecord }
  | { readonly type: 'trial-done'; readonly model: string }
  | { readonly type: 'trial-failed'; readonly model: string; readonly error: ErrorRecord };

export type BackendEffect =
  /** Find out its features and speed; then, or when that takes long, `prepared`. */
  | { readonly type: 'prepare'; readonly model: string }
  | { readonly type: 'serve'; readonly model: string }
  | { readonly type: 'withdraw'; readonly model: string }
  /** Send it a short request. */
  | { readonly type: 'try'; readonly model: string; readonly afterMs: number }
  /** List the models now: a request has just seen the server refuse connections. */
  | { readonly type: 'list' };

export const initialBackend: BackendState = { phase: 'starting', models: new Map() };

/** Failed requests in a row after which a trial is made. */
const failuresMax = 3;
/** Delays before a trial, by failed ones in a row; the last repeats. */
const trialDelaysMs = [1_000, 2_000, 5_000, 15_000, 60_000] as const;
const trialDelayMs = (trials: number): number => trialDelaysMs[trials] ?? trialDelaysMs.at(-1)!;

/** The owner's key is refused: no request can bring that about. */
const isCertain = ({ details }: ErrorRecord): boolean => details?.['status'] === 401;

/**
 * The model may be gone, or closed to this key. But some servers say the same of a request that they will not do, and then
 * one asker would take the model from all: a trial decides, and nobody waits for it.
 */
const isTelling = ({ code, details }: ErrorRecord): boolean => code === 'model-unknown' || details?.['status'] === 403;

const isServed = ({ phase }: ModelState): boolean => phase === 'serving' || phase === 'suspect';

export function reduceBackend(
  state: BackendState,
  event: BackendEvent,
): readonly [BackendState, readonly BackendEffect[]] {
  if (event.type === 'listed') return listed(state, event.models);
  if (event.type === 'unlisted') {
    if (event.heard && state.phase === 'up') return [state, []];
    const effects = [...state.models].flatMap(([model, one]) =>
      isServed(one) ? [{ type: 'withdraw', model } as const] : [],
    );
    return [{ phase: 'down', error: event.error, models: new Map() }, effects];
  }
  const known = state.models.get(event.model);
  if (!known) return [state, []];
  const [changed, effects] = reduceModel(known, event);
  return changed === known
    ? [state, effects]
    : [{ ...state, models: new Map(state.models).set(event.model, changed) }, effects];
}

/** A server that was down may have been replaced meanwhile: whatever failed there before starts afresh. */
function listed(state: BackendState, names: readonly string[]): readonly [BackendState, readonly BackendEffect[]] {
  const models = new Map<string, ModelState>();
  const effects: BackendEffect[] = [];
  for (const model of new Set(names)) {
    const known = state.models.get(model);
    models.set(model, known ?? { phase: 'preparing', failures: 0, trials: 0 });
    if (!known) effects.push({ type: 'prepare', model });
  }
  for (const [model, one] of state.models) {
    if (!models.has(model) && isServed(one)) effects.push({ type: 'withdraw', model });
  }
  const isSame = state.phase === 'up' && effects.length === 0 && models.size === state.models.size;
  return [isSame ? state : { phase: 'up', models }, effects];
}

type ModelEvent = Exclude<BackendEvent, { type: 'listed' | 'unlisted' }>;

function reduceModel(state: ModelState, event: ModelEvent): readonly [ModelState, readonly BackendEffect[]] {
  const { model } = event;
  const serving: ModelState = { phase: 'serving', failures: 0, trials: 0 };
  const fail = (error: ErrorRecord): readonly [ModelState, readonly BackendEffect[]] => [
    { phase: 'failing', failures: 0, trials: state.trials + 1, error },
    [
      ...(isServed(state) ? [{ type: 'withdraw', model } as const] : []),
      { type: 'try', model, afterMs: trialDelayMs(state.trials) },
    ],
  ];
  switch (event.type) {
    case 'prepared':
      return state.phase === 'preparing' ? [serving, [{ type: 'serve', model }]] : [state, []];
    case 'request-done':
      return state.failures === 0 ? [state, []] : [{ ...state, failures: 0 }, []];
    case 'request-failed': {
      if (!isServed(state)) return [state, []];
      if (isCertain(event.error)) return fail(event.error);
      const failures = state.failures + 1;
      const list: readonly BackendEffect[] =
        event.error.details?.['cause'] === 'ECONNREFUSED' ? [{ type: 'list' }] : [];
      const isEnough = failures >= failuresMax || isTelling(event.error);
      if (!isEnough || state.phase === 'suspect') return [{ ...state, failures }, list];
      return [{ ...state, phase: 'suspect', failures }, [...list, { type: 'try', model, afterMs: 0 }]];
    }
    case 'withdrawn':
      return isServed(state) ? fail(event.error) : [state, []];
    case 'trial-done':
      if (state.phase === 'suspect') return [serving, []];
      return state.phase === 'failing' ? [serving, [{ type: 'serve', model }]] : [state, []];
    case 'trial-failed':
      return fail(event.error);
  }
}
