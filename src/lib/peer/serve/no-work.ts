import type { ModelWork } from '../spec.ts';

/** What was done with a model before anything was. */
export const noWork: ModelWork = {
  running: 0,
  queued: 0,
  jobsDone: 0,
  jobsFailed: 0,
  jobsRefused: 0,
  tokensIn: 0,
  tokensOut: 0,
  decodeTps: undefined,
  busyMs: 0,
};

const { busyMs: _busyMs, ...counts } = noWork;

/** The same as it is shown: with the part of the time that the engine worked, and not the time itself. */
export const noCounts = { ...counts, duty: 0 } as const;
