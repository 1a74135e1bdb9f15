import type { ErrorRecord } from '#lib/base/errors.ts';

/** The status of sharing this device, with counters. */
export interface SharingView {
  /** `measuring`: the model is loaded and its speed is being benchmarked before it is announced. */
  readonly phase: 'off' | 'loading' | 'measuring' | 'sharing' | 'paused' | 'finishing' | 'failed';
  /** Why it paused, or why it stopped if the user did not stop it. */
  readonly why: PauseReason | undefined;
  readonly model: string | undefined;
  readonly startedAt: number | undefined;
  readonly running: number;
  readonly queued: number;
  /** Answers delivered; cancelled jobs do not count. */
  readonly jobsDone: number;
  readonly jobsFailed: number;
  readonly jobsRefused: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly decodeTps: number | undefined;
  /** Fraction of time since the start that the engine was working, 0 to 1. */
  readonly duty: number;
  /** Why it failed; while loading, what caused the reload. */
  readonly error: ErrorRecord | undefined;
  /** The browser discarded this tab while it was sharing; see `phase` for whether it has resumed. */
  readonly wasDiscarded: boolean;
}

/** A pause caused by the device's state. */
export type HoldReason = 'battery' | 'metered' | 'frozen' | 'duty' | 'schedule' | 'present';
export type PauseReason = HoldReason | 'asked' | 'guest' | 'hours' | 'unloaded';

export const notSharing: SharingView = {
  phase: 'off',
  why: undefined,
  model: undefined,
  startedAt: undefined,
  running: 0,
  queued: 0,
  jobsDone: 0,
  jobsFailed: 0,
  jobsRefused: 0,
  tokensIn: 0,
  tokensOut: 0,
  decodeTps: undefined,
  duty: 0,
  error: undefined,
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
