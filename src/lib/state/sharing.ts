import type { ErrorRecord } from '#lib/base/errors.ts';
import { noCounts } from '#lib/peer/serve/no-work.ts';

/** Sharing this device: all its models together. Sums are over those that are shared now. */
export interface SharingView extends SharingCounts {
  /** The furthest of its models: shared before paused, before those that are on their way. */
  readonly phase: SharingPhase;
  /** Why it paused, or why it stopped if the user did not stop it. */
  readonly why: PauseReason | undefined;
  /** Since when the first of those shared now is. */
  readonly startedAt: number | undefined;
  /** Why the last one failed, while none does better; while loading, what caused the reload. */
  readonly error: ErrorRecord | undefined;
  /** In the order in which they were first shared; those too that failed or were ended by something else than the user. */
  readonly models: readonly ModelSharing[];
  /** The browser discarded this tab while it was sharing; see `phase` for whether it has resumed. */
  readonly wasDiscarded: boolean;
}

/** The status of sharing one model, with counters since its start. */
export interface ModelSharing extends SharingCounts {
  readonly model: string;
  readonly phase: SharingPhase;
  readonly why: PauseReason | undefined;
  readonly startedAt: number | undefined;
  readonly error: ErrorRecord | undefined;
}

/** `measuring`: the model is loaded and its speed is being benchmarked before it is announced. */
export type SharingPhase = 'off' | 'loading' | 'measuring' | 'sharing' | 'paused' | 'finishing' | 'failed';

export interface SharingCounts {
  readonly running: number;
  readonly queued: number;
  /** Answers delivered; cancelled jobs do not count. */
  readonly jobsDone: number;
  readonly jobsFailed: number;
  readonly jobsRefused: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  /** Of the last answer. */
  readonly decodeTps: number | undefined;
  /** Fraction of time since the start that the engine was working, 0 to 1. */
  readonly duty: number;
}

/** A pause caused by the device's state. */
export type HoldReason = 'battery' | 'metered' | 'frozen' | 'duty' | 'schedule' | 'present';
export type PauseReason = HoldReason | 'asked' | 'guest' | 'hours' | 'unloaded';

export const notSharing: SharingView = {
  phase: 'off',
  why: undefined,
  startedAt: undefined,
  ...noCounts,
  error: undefined,
  models: [],
  wasDiscarded: false,
};

/** Sharing in a hidden tab. Rates in tokens a second, of the last answer each; undefined until there was one. */
export interface BackgroundView {
  /** The inaudible tone is playing. */
  readonly playing: boolean;
  readonly shownTps: number | undefined;
  readonly hiddenTps: number | undefined;
}

/** What this device gave on one day (UTC, `2026-11-30`). */
export interface GivenDay {
  readonly day: string;
  readonly models: readonly GivenModel[];
}

export interface GivenModel {
  readonly model: string;
  readonly answers: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
}
