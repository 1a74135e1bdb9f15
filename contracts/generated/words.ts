// Generated from the contracts by `npm run contracts:generate`. Do not edit.

/** Why a claim was skipped, by its number in `ClaimSkipped`. */
export const refusals = [
  "none",
  "channel-missing",
  "channel-closed",
  "stale",
  "overdrawn",
  "deadline-passed",
  "not-provider",
  "bad-signature"
] as const;

/** How a channel was closed, by its number in `ChannelClosed`. */
export const closings = [
  "cooperative",
  "withdrawn",
  "job-paid",
  "job-refunded"
] as const;

/** By number: phase, outcome and verdict of a dispute. */
export const phases = [
  "none",
  "answering",
  "voting",
  "appealable",
  "ended"
] as const;
export const outcomes = [
  "none",
  "dismissed",
  "innocent",
  "guilty"
] as const;
export const verdicts = [
  "none",
  "innocent",
  "guilty"
] as const;
