/** Re-exports the job types that components need, because `ui` may import only from `state`. */
export { allReceiptsHold, attemptTps, type Attempt } from '#lib/peer/session/attempt.ts';
export { isOver, type JobState } from '#lib/peer/session/job-state.ts';
export type { ReceiptCheck, WorkerView } from '#lib/peer/spec.ts';
