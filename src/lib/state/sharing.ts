import type { ErrorRecord } from '#lib/base/errors.ts';

/** Sharing this device: where it stands and what it has done. */
export interface SharingView {
  /** `measuring`: the model is there, and its speed is found out before others choose by it. */
  readonly phase: 'off' | 'loading' | 'measuring' | 'sharing' | 'paused' | 'finishing' | 'failed';
  /** Why it paused, or why it ended where the person did not end it. */
  readonly why: PauseReason | undefined;
  readonly model: string | undefined;
  readonly startedAt: number | undefined;
  readonly running: number;
  readonly queued: number;
  /** Answers given; what an asker cancelled is none. */
  readonly jobsDone: number;
  readonly jobsFailed: number;
  readonly jobsRefused: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly decodeTps: number | undefined;
  /** Share of the time since the start in which the engine worked, 0 to 1. */
  readonly duty: number;
  /** Why it failed; while loading, what made it load once more. */
  readonly error: ErrorRecord | undefined;
  /** The browser had closed this tab to save memory while it lent; whether it lends again is for the phase to say. */
  readonly wasDiscarded: boolean;
}

/** A reason of the device's own. */
export type HoldReason = 'battery' | 'metered' | 'frozen' | 'duty';
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
