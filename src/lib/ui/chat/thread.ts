import type { Attempt } from '#lib/state/answer.ts';
import { peerColour } from '../peer-colour.ts';

export interface ThreadSegment {
  readonly attempt: Attempt;
  readonly colour: string;
  /** Start and end of this segment as fractions of the answer's text, 0 to 1. */
  readonly from: number;
  readonly to: number;
}

/**
 * The coloured thread next to an answer, showing which worker wrote which part. Workers that delivered nothing do not
 * appear.
 */
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
