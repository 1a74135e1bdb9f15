import type { ErrorRecord } from '#lib/base/errors.ts';

/** Lending this device: where it stands and what it has done. */
export interface SharingView {
  readonly phase: 'off' | 'loading' | 'sharing' | 'paused' | 'finishing' | 'failed';
  /** Why it paused, or why it ended where the person did not end it. */
  readonly why: PauseReason | undefined;
  readonly model: string | undefined;
  readonly startedAt: number | undefined;
  readonly running: number;
  readonly queued: number;
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

export type PauseReason = 'asked' | 'battery' | 'metered' | 'frozen' | 'guest' | 'duty' | 'hours' | 'unloaded';

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
