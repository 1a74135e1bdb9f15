import type { ErrorRecord } from '#lib/base/errors.ts';
import type { EngineTimings } from '#lib/engine/spec.ts';
import type { BlobRef } from '#lib/protocol/kinds/spec.ts';
import type { Phase } from '#lib/protocol/frame.ts';
import type { FinishReason, Part, Usage } from '#lib/protocol/part.ts';
import type { AnswerFrame, Ending } from './frame-log.ts';
import { isStarved, type Account, type Charge } from './worker-account.ts';

/**
 * The worker's side of a job, from `open` to the closing frame, however many channels follow it. Pure: events in, state and
 * effects out. `worker-runner.ts` owns the engine, the channels and the clock.
 */
export interface WorkerState {
  /**
   * Of a paid job also: `admitting` until its channel may be served, `input` while a slot waits for the input to be paid, and
   * `collecting` while the last payment is waited for.
   */
  readonly phase: 'new' | 'files' | 'admitting' | 'queued' | 'input' | 'running' | 'collecting' | 'signing' | 'over';
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
  /** The money of a paid job. */
  readonly account: Account | undefined;
  /** What the engine came to, while the last payment is waited for. */
  readonly result: RunResult | undefined;
  /** Why the engine has been stopped. */
  readonly stopped: ErrorRecord | undefined;
  readonly ending: Ending | undefined;
}

export interface QueuePlace {
  readonly position: number;
  readonly etaMs: number;
  /** Of an answer on record that was paid for: nothing of it is due. */
  readonly tokensIn?: number | undefined;
  readonly paid?: string | undefined;
}

/** The result of one run of the engine. `usage.tokensOut` is the sum over the parts: what was delivered is billed. */
export interface RunResult {
  readonly reason: FinishReason;
  /** `tokensIn` is 0 for a cancelled run, since engines report the prompt's count only at the end. */
  readonly usage: Usage;
  readonly timings: EngineTimings;
}

export type WorkerTimer = 'deadline' | 'files' | 'checkpoint' | 'unpaid';

export type WorkerEvent =
  | {
      readonly type: 'opened';
      readonly files: readonly BlobRef[];
      readonly place: QueuePlace;
      readonly deadlineMs: number;
      /** Left out where it is free. */
      readonly charge?: Charge | undefined;
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
  /** The channel that pays may be served; `paid` is credited to the job already. */
  | { readonly type: 'admitted' | 'paid'; readonly paid: bigint }
  /** It may not be served, or not any more, or a voucher was not accepted. */
  | { readonly type: 'unpayable'; readonly error: ErrorRecord }
  | { readonly type: 'timer'; readonly timer: WorkerTimer };

export type WorkerEffect =
  | { readonly type: 'enter-queue' | 'leave-queue' | 'start-engine' | 'sign-checkpoint' | 'open-till' }
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
  account: undefined,
  result: undefined,
  stopped: undefined,
  ending: undefined,
};

/** The phase that is sent with `alive`. */
export function phaseOf(state: WorkerState): Phase {
  const { phase, hasSpoken } = state;
  if (phase === 'input' || phase === 'collecting' || isHeld(state)) return 'starved';
  if (phase === 'running') return hasSpoken ? 'streaming' : 'prefill';
  return phase === 'signing' ? 'streaming' : 'queued';
}

/** The engine is not pulled: a chunk is unpaid. */
export const isHeld = ({ phase, account, tokensOut }: WorkerState): boolean =>
  account !== undefined && phase === 'running' && isStarved(account, tokensOut);

/** Whether the asker may be told that its job is accepted. */
export const isAdmitted = ({ account }: WorkerState): boolean => account === undefined || account.isOpen;
