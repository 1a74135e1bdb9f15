import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Audience, ProviderState } from '#lib/peer/spec.ts';
import type { Measured } from '#lib/protocol/offer.ts';
import type { HoldReason, PauseReason, SharingView } from '#lib/state/sharing.ts';
import type { Benchmark } from './benchmark.ts';

/**
 * The sharing of this device as a state machine: `sharing.ts` is its reducer, `run-sharing.ts` its runner. Whatever the phase, a loaded model answers
 * this device itself; sharing only widens its audience to the network, so a pause never takes the person's own answers
 * away.
 *
 *     off, failed ─start→ loading ─loaded→ measuring ─measured→ sharing ⇄ paused ─stop→ off
 *                            ↑                                   │  └─stop, finish→ finishing → off
 *                            └────────── lost, once ─────────────┘
 *
 * A stop ends every phase, and so does the key going to another tab. An event that a phase does not know leaves the state
 * as it is, the very same object.
 */
export interface SharingState {
  readonly view: SharingView;
  /** Of the start under way; the results of an earlier one are no news. */
  readonly attempt: number;
  /** Loading once more after a loss: counters and hours go on. */
  readonly resuming: boolean;
  /** The model was loaded before sharing began, and stays when it ends. */
  readonly modelStays: boolean;
  /** `self`: another tab holds the device's key, and this one may answer this device alone. */
  readonly reach: Audience;
  readonly holds: readonly (HoldReason | 'asked')[];
  /** The provider's counters: now, and what of them came before this sharing. */
  readonly counters: Counters;
  readonly before: Counters;
  readonly reloadedAt: number | undefined;
}

export type Counters = Pick<
  ProviderState,
  'running' | 'queued' | 'jobsDone' | 'jobsFailed' | 'jobsRefused' | 'tokensIn' | 'tokensOut' | 'decodeTps' | 'busyMs'
>;

/** `at`: milliseconds since the Unix epoch. */
export type SharingEvent =
  | { readonly type: 'start-asked'; readonly model: string; readonly attempt: number }
  | { readonly type: 'model-loaded'; readonly attempt: number; readonly stays: boolean }
  | { readonly type: 'load-failed'; readonly attempt: number; readonly error: ErrorRecord }
  | { readonly type: 'measured'; readonly attempt: number; readonly result: Benchmark; readonly at: number }
  | { readonly type: 'measuring-failed'; readonly attempt: number; readonly error: ErrorRecord }
  /** `why`: where it is not the person who stops it. */
  | { readonly type: 'stop-asked'; readonly how: 'finish' | 'now'; readonly why?: PauseReason | undefined }
  | { readonly type: 'pause-asked' }
  | { readonly type: 'resume-asked' }
  | { readonly type: 'held'; readonly reason: HoldReason }
  | { readonly type: 'released'; readonly reason: HoldReason }
  /** The key changed hands, or a fresh provider was made. */
  | { readonly type: 'provider-changed'; readonly reach: Audience; readonly counters: Counters }
  | { readonly type: 'provider-told'; readonly counters: Counters; readonly at: number }
  /** It can answer no more though nobody asked for that. `attempt`: for loading it once more. */
  | {
      readonly type: 'model-lost';
      readonly model: string;
      readonly error: ErrorRecord;
      readonly at: number;
      readonly attempt: number;
    }
  /** Nothing is loaded any more. */
  | { readonly type: 'model-gone' }
  /** The page knows whether the browser had closed this tab while it shared. */
  | { readonly type: 'discard-noted'; readonly wasDiscarded: boolean };

export type SharingEffect =
  | { readonly type: 'load'; readonly model: string; readonly attempt: number }
  | { readonly type: 'measure'; readonly attempt: number }
  /** Leaves the load or the benchmark of this attempt. */
  | { readonly type: 'abandon'; readonly attempt: number }
  /** Tells whoever asked for the start how it went. */
  | { readonly type: 'settle-start'; readonly attempt: number; readonly error?: ErrorRecord }
  | { readonly type: 'keep-consent'; readonly model: string }
  /** Puts the loaded model before this audience. */
  | { readonly type: 'offer'; readonly audience: Audience; readonly measured?: Measured | undefined }
  /** Ends what still runs for others, with a word to them. */
  | { readonly type: 'cut-off' }
  | { readonly type: 'unload' };
