import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Audience, ModelWork } from '#lib/peer/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import type { HoldReason, ModelSharing, PauseReason } from '#lib/state/sharing.ts';
import type { Benchmark } from './benchmark.ts';

/**
 * The sharing of one model of this device as a state machine: `sharing.ts` is its reducer, `run-sharing.ts` the runner of all. In
 * every phase a loaded model answers this device itself; sharing only widens its audience to the network, so a pause never costs the user
 * their own answers.
 *
 *     off, failed ─start→ loading ─loaded→ measuring ─measured→ sharing ⇄ paused ─stop→ off
 *                            ↑                                   │  └─stop, finish→ finishing → off
 *                            └────────── lost, once ─────────────┘
 *
 * A stop ends every phase, and so does the key moving to another tab. An event that a phase does not handle returns the very
 * same state object.
 */
export interface SharingState {
  readonly view: ModelSharing;
  /** Of the start in progress; results of earlier ones are ignored. */
  readonly attempt: number;
  /** Reloading after a loss: counters and hours continue. */
  readonly resuming: boolean;
  /** The model was loaded before sharing began, and stays loaded when it ends. */
  readonly modelStays: boolean;
  /** `self`: another tab holds the device's key, and this one may answer only this device. */
  readonly reach: Audience;
  readonly holds: readonly (HoldReason | 'asked')[];
  /** The provider's counters now, and as they were when this sharing began. */
  readonly counters: Counters;
  readonly before: Counters;
  readonly reloadedAt: number | undefined;
}

export type Counters = ModelWork;

/** `at`: milliseconds since the Unix epoch. */
export type SharingEvent =
  | { readonly type: 'start-asked'; readonly attempt: number }
  | { readonly type: 'model-loaded'; readonly attempt: number; readonly stays: boolean }
  | { readonly type: 'load-failed'; readonly attempt: number; readonly error: ErrorRecord }
  | { readonly type: 'measured'; readonly attempt: number; readonly result: Benchmark; readonly at: number }
  | { readonly type: 'measuring-failed'; readonly attempt: number; readonly error: ErrorRecord }
  /** `why`: set if it is not the user who stops it. */
  | { readonly type: 'stop-asked'; readonly how: 'finish' | 'now'; readonly why?: PauseReason | undefined }
  | { readonly type: 'pause-asked' }
  | { readonly type: 'resume-asked' }
  | { readonly type: 'held'; readonly reason: HoldReason }
  | { readonly type: 'released'; readonly reason: HoldReason }
  /** The key moved between tabs, or a new provider was created. */
  | { readonly type: 'provider-changed'; readonly reach: Audience; readonly counters: Counters }
  | { readonly type: 'provider-updated'; readonly counters: Counters; readonly at: number }
  /** It stopped working without being unloaded. `attempt`: for the reload. */
  | {
      readonly type: 'model-lost';
      readonly error: ErrorRecord;
      readonly at: number;
      readonly attempt: number;
    }
  /** It is loaded no more. */
  | { readonly type: 'model-gone' };

export type SharingEffect =
  | { readonly type: 'load'; readonly attempt: number }
  | { readonly type: 'measure'; readonly attempt: number }
  /** Aborts the load or the benchmark of this attempt. */
  | { readonly type: 'abandon'; readonly attempt: number }
  /** Resolves or rejects the start. */
  | { readonly type: 'conclude-start'; readonly attempt: number; readonly error?: ErrorRecord }
  | { readonly type: 'keep-consent' }
  /** Offers the model to this audience. */
  | { readonly type: 'offer'; readonly audience: Audience; readonly measured?: Measured | undefined }
  /** Ends what still runs for other peers, with an error to them. */
  | { readonly type: 'cut-off' }
  | { readonly type: 'unload' };
