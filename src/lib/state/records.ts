import type { JobState } from '#lib/peer/session/job-state.ts';

/** A conversation as kept on this device. */
export interface ConversationRecord {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly turns: number;
}

/** One question and what came back. The answer is the job's state as folded so far; one that never ended was cut off. */
export interface TurnRecord {
  readonly id: string;
  readonly question: string;
  readonly askedAt: number;
  readonly answer: JobState;
  /** Earlier turns that did not fit into the model's context and were not sent. */
  readonly leftOut: number;
  /** Ids of all the answer's tokens, where its worker named them: the receipt is bound to them. */
  readonly ids?: readonly number[] | undefined;
}

/** Turns of one conversation that are kept and shown. */
export const turnsMax = 400;
/** Conversations listed. */
export const conversationsMax = 500;
