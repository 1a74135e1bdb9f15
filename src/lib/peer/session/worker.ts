import type { ErrorRecord } from '#lib/base/errors.ts';
import type { EngineTimings } from '#lib/engine/spec.ts';
import { isWireErrorCode, wireErrors } from '#lib/protocol/errors.ts';
import type { Phase } from '#lib/protocol/frame.ts';
import type { BlobRef } from '#lib/protocol/kinds/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import { hasContent, partTokens } from '#lib/protocol/output.ts';
import type { FinishReason, Part, Usage } from '#lib/protocol/part.ts';
import type { AnswerFrame, Ending } from './frame-log.ts';

/**
 * The worker's side of a job, from `open` to the closing frame, however many channels follow it. Pure: events in, state and
 * effects out. `worker-runner.ts` owns the engine, the channels and the clock.
 */
export interface WorkerState {
  readonly phase: 'new' | 'files' | 'queued' | 'running' | 'signing' | 'over';
  /** From the queue; while files are received, an estimate. */
  readonly place: QueuePlace;
  /** The files still to be received, in order. */
  readonly files: readonly BlobRef[];
  /** The number of channels that follow the answer. */
  readonly followers: number;
  readonly tokensOut: number;
  /** Of `tokensOut`, those that a checkpoint covers. */
  readonly signedTokens: number;
  /** It has had a slot. */
  readonly hasBegun: boolean;
  readonly hasSpoken: boolean;
  /** Why the engine has been stopped. */
  readonly stopped: ErrorRecord | undefined;
  readonly ending: Ending | undefined;
}

export interface QueuePlace {
  readonly position: number;
  readonly etaMs: number;
}

/** The result of one run of the engine. `usage.tokensOut` is the sum over the parts: what was delivered is billed. */
export interface RunResult {
  readonly reason: FinishReason;
  /** `tokensIn` is 0 for a cancelled run, since engines report the prompt's count only at the end. */
  readonly usage: Usage;
  readonly timings: EngineTimings;
}

export type WorkerTimer = 'deadline' | 'files' | 'checkpoint';

export type WorkerEvent =
  | {
      readonly type: 'opened';
      readonly files: readonly BlobRef[];
      readonly place: QueuePlace;
      readonly deadlineMs: number;
    }
  | { readonly type: 'followed' | 'left' }
  /** Bytes of a file, in order; `intact`: they complete the file, and its hash is the one that was named. */
  | { readonly type: 'file'; readonly sha256: string; readonly sizeBytes: number; readonly intact: boolean }
  | { readonly type: 'placed'; readonly place: QueuePlace }
  /** The queue had no room, or has been cleared. */
  | { readonly type: 'dismissed'; readonly error: ErrorRecord }
  | { readonly type: 'part'; readonly part: Part }
  | { readonly type: 'ran'; readonly result: RunResult }
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly type: 'signed'; readonly frame: Extract<Ending, { t: 'finish' }>; readonly result: RunResult }
  | { readonly type: 'stop'; readonly error: ErrorRecord }
  | { readonly type: 'timer'; readonly timer: WorkerTimer };

export type WorkerEffect =
  | { readonly type: 'enter-queue' | 'leave-queue' | 'start-engine' | 'sign-checkpoint' }
  | { readonly type: 'stop-engine'; readonly error: ErrorRecord }
  | { readonly type: 'sign-receipt'; readonly result: RunResult }
  | { readonly type: 'append'; readonly frame: AnswerFrame }
  /** Place or phase have changed: followers are notified. */
  | { readonly type: 'wake' }
  | { readonly type: 'arm'; readonly timer: WorkerTimer; readonly ms: number }
  | { readonly type: 'disarm'; readonly timer: WorkerTimer }
  | { readonly type: 'report'; readonly outcome: WorkOutcome };

/** The outcome of a job, for the counters and for the failures of its model. */
export type WorkOutcome =
  | { readonly type: 'done'; readonly result: RunResult }
  | { readonly type: 'never-begun' }
  | { readonly type: 'failed'; readonly error: ErrorRecord };

export type WorkerStep = readonly [state: WorkerState, effects: readonly WorkerEffect[]];

export const initialWorker: WorkerState = {
  phase: 'new',
  place: { position: 0, etaMs: 0 },
  files: [],
  followers: 0,
  tokensOut: 0,
  signedTokens: 0,
  hasBegun: false,
  hasSpoken: false,
  stopped: undefined,
  ending: undefined,
};

const none: readonly WorkerEffect[] = [];
const nothingDone: RunResult = {
  reason: 'cancelled',
  usage: { tokensIn: 0, tokensOut: 0 },
  timings: { ttftMs: 0, decodeMs: 0 },
};

export function reduceWorker(state: WorkerState, event: WorkerEvent): WorkerStep {
  switch (event.type) {
    case 'opened':
      return state.phase === 'new' ? open(state, event) : [state, none];
    case 'followed':
      return [{ ...state, followers: state.followers + 1 }, none];
    case 'left': {
      const followers = state.followers - 1;
      const left = { ...state, followers };
      return followers > 0 ? [left, none] : stop(left, errorOf('peer-lost', 'The asker has left.'));
    }
    case 'file':
      return state.phase === 'files' ? takeFile(state, event) : [state, none];
    case 'placed':
      if (state.phase !== 'queued') return [state, none];
      if (event.place.position > 0) return [{ ...state, place: event.place }, [{ type: 'wake' }]];
      return [
        { ...state, phase: 'running', hasBegun: true, place: event.place },
        [{ type: 'wake' }, { type: 'start-engine' }],
      ];
    case 'dismissed':
      return stop(state, event.error);
    case 'part':
      return state.phase === 'running' ? takePart(state, event.part) : [state, none];
    case 'ran':
      if (state.phase !== 'running') return [state, none];
      return sign(state, event.result);
    case 'failed':
      if (state.phase !== 'running' && state.phase !== 'signing') return [state, none];
      return end(state, failureFrame('error', event.error), { type: 'failed', error: event.error });
    case 'signed':
      if (state.phase !== 'signing') return [state, none];
      return end(state, event.frame, state.hasBegun ? { type: 'done', result: event.result } : { type: 'never-begun' });
    case 'stop':
      return stop(state, event.error);
    case 'timer':
      return onTimer(state, event.timer);
  }
}

/** The phase that is sent with `alive`. */
export function phaseOf({ phase, hasSpoken }: WorkerState): Phase {
  if (phase === 'running') return hasSpoken ? 'streaming' : 'prefill';
  return phase === 'signing' ? 'streaming' : 'queued';
}

function open(state: WorkerState, { files, place, deadlineMs }: Extract<WorkerEvent, { type: 'opened' }>): WorkerStep {
  const deadline = { type: 'arm', timer: 'deadline', ms: deadlineMs } as const;
  if (files.length === 0) return [{ ...state, phase: 'queued', place }, [deadline, { type: 'enter-queue' }]];
  return [
    { ...state, phase: 'files', place, files },
    [deadline, { type: 'arm', timer: 'files', ms: limits.blobTimeoutMs }],
  ];
}

function takeFile(
  state: WorkerState,
  { sha256, sizeBytes, intact }: Extract<WorkerEvent, { type: 'file' }>,
): WorkerStep {
  const [file, ...others] = state.files;
  if (!file || file.sha256 !== sha256 || sizeBytes > file.sizeBytes) return stop(state, badFile);
  const left = file.sizeBytes - sizeBytes;
  if (left > 0) return [{ ...state, files: [{ ...file, sizeBytes: left }, ...others] }, none];
  if (!intact) return stop(state, badFile);
  if (others.length > 0) return [{ ...state, files: others }, none];
  return [{ ...state, phase: 'queued', files: [] }, [{ type: 'disarm', timer: 'files' }, { type: 'enter-queue' }]];
}

function takePart(state: WorkerState, part: Part): WorkerStep {
  const tokensOut = state.tokensOut + partTokens(part);
  const next = { ...state, tokensOut, hasSpoken: state.hasSpoken || hasContent(part) };
  const append: WorkerEffect = { type: 'append', frame: { t: 'part', part } };
  if (tokensOut - state.signedTokens >= limits.checkpointTokens) {
    return [
      { ...next, signedTokens: tokensOut },
      [append, { type: 'sign-checkpoint' }, { type: 'disarm', timer: 'checkpoint' }],
    ];
  }
  const isFirstUnsigned = state.tokensOut === state.signedTokens && tokensOut > state.tokensOut;
  return [
    next,
    isFirstUnsigned ? [append, { type: 'arm', timer: 'checkpoint', ms: limits.checkpointIntervalMs }] : [append],
  ];
}

function onTimer(state: WorkerState, timer: WorkerTimer): WorkerStep {
  switch (timer) {
    case 'deadline':
      return stop(state, errorOf('deadline'));
    case 'files':
      return state.phase === 'files'
        ? stop(state, errorOf('deadline', 'The files did not come in time. Send the job again.'))
        : [state, none];
    case 'checkpoint':
      if (state.phase !== 'running' || state.tokensOut === state.signedTokens) return [state, none];
      return [{ ...state, signedTokens: state.tokensOut }, [{ type: 'sign-checkpoint' }]];
  }
}

/** Ends a job that has no slot yet: with a receipt for nothing if its asker stopped it, else with a refusal. */
function stop(state: WorkerState, error: ErrorRecord): WorkerStep {
  switch (state.phase) {
    case 'running':
      if (state.stopped) return [state, none];
      return [{ ...state, stopped: error }, [{ type: 'stop-engine', error }]];
    case 'new':
    case 'files':
    case 'queued':
      if (error.code === 'cancelled') return sign({ ...state, stopped: error }, nothingDone);
      return end({ ...state, stopped: error }, failureFrame(error.code === 'deadline' ? 'error' : 'refused', error), {
        type: 'never-begun',
      });
    case 'signing':
    case 'over':
      return [state, none];
  }
}

const sign = (state: WorkerState, result: RunResult): WorkerStep => [
  { ...state, phase: 'signing' },
  [{ type: 'disarm', timer: 'checkpoint' }, { type: 'leave-queue' }, { type: 'sign-receipt', result }],
];

const end = (state: WorkerState, ending: Ending, outcome: WorkOutcome): WorkerStep => [
  { ...state, phase: 'over', ending },
  [
    { type: 'disarm', timer: 'deadline' },
    { type: 'disarm', timer: 'files' },
    { type: 'disarm', timer: 'checkpoint' },
    { type: 'leave-queue' },
    { type: 'append', frame: ending },
    { type: 'report', outcome },
  ],
];

function failureFrame(t: 'refused' | 'error', { code, message, details }: ErrorRecord): Ending {
  const wire = isWireErrorCode(code) ? code : 'internal';
  const retryAfterMs = details?.['retryAfterMs'];
  return {
    t,
    code: wire,
    message: code === wire ? message.slice(0, limits.errorMessageLengthMax) : wireErrors[wire].message,
    ...(typeof retryAfterMs === 'number'
      ? { retryAfterMs: Math.round(Math.min(limits.durationMsMax, Math.max(0, retryAfterMs))) }
      : {}),
  };
}

const errorOf = (
  code: 'deadline' | 'peer-lost' | 'bad-frame',
  message: string = wireErrors[code].message,
): ErrorRecord => ({
  code,
  message,
});

const badFile = errorOf('bad-frame', 'The bytes are not those of the file that the job names.');
