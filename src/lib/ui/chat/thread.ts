import type { Attempt } from '#lib/state/answer.ts';
import { peerColour } from '../peer-colour.ts';

export interface ThreadSegment {
  readonly attempt: Attempt;
  readonly colour: string;
  /** Share of the answer's text before and up to the end of this segment, 0 to 1. */
  readonly from: number;
  readonly to: number;
}

/** The thread beside an answer: who wrote which share of it. Workers that delivered nothing leave no trace in it. */
export function threadSegments(attempts: readonly Attempt[], length: number): readonly ThreadSegment[] {
  if (length === 0) return [];
  return attempts
    .filter((attempt) => attempt.toCharacter > attempt.fromCharacter)
    .map((attempt) => ({
      attempt,
      colour: peerColour(attempt.worker.peer),
      from: attempt.fromCharacter / length,
      to: Math.min(1, attempt.toCharacter / length),
    }));
}
