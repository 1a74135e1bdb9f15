/** The peer room's view of a job, as components may know it: they see the state room and nothing behind it. */
export { attemptTps, type Attempt } from '#lib/peer/attempt.ts';
export { isOver, type JobState } from '#lib/peer/lifecycle.ts';
export type { ReceiptCheck, WorkerView } from '#lib/peer/spec.ts';
