/** The peer room's view of a job, as components may know it: they see the state room and nothing behind it. */
export { allReceiptsHold, attemptTps, type Attempt } from '#lib/peer/session/attempt.ts';
export { isOver, type JobState } from '#lib/peer/session/job-state.ts';
export type { ReceiptCheck, WorkerView } from '#lib/peer/spec.ts';
