import type { JobState } from '#lib/peer/session/job-state.ts';

/** A conversation as saved on this device. */
export interface ConversationRecord {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly turns: number;
}

/** One question and its answer, stored as the job state so far; an answer that never ended was cut off. */
export interface TurnRecord {
  readonly id: string;
  readonly question: string;
  readonly askedAt: number;
  readonly answer: JobState;
  /** Number of earlier turns not sent because they did not fit the context. */
  readonly leftOut: number;
  /** Ids of the last tokens of the answer, as far back as every token has one; the receipts cover them. */
  readonly ids?: readonly number[] | undefined;
}

/** Maximum turns of one conversation. */
export const turnsMax = 400;
/** Maximum conversations listed. */
export const conversationsMax = 500;
