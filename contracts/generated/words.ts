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

/** The numbers of bonds and disputes, as the sources state them: times in seconds, `…Bps` in hundredths of a percent. */
export const courtRules = {
  "answerWindow": 259200,
  "voteWindow": 259200,
  "appealWindow": 604800,
  "lock": 2592000,
  "quorum": 3,
  "appealQuorum": 5,
  "counterBondBps": 1000,
  "penaltyBpsMin": 1000,
  "penaltyMin": 1000000,
  "challengerBps": 6000,
  "validatorsMax": 32,
  "validatorDelay": 1814400,
  "validatorRest": 2592000,
  "unbonding": 1814400,
  "lockMax": 3888000
} as const;
