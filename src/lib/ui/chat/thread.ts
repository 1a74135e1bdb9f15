import type { Attempt } from '#lib/state/answer.ts';
import { hueColour, peerHue } from '../peer-colour.ts';

export interface ThreadSegment {
  readonly attempt: Attempt;
  readonly colour: string;
  /** Start and end of this segment as fractions of the answer's text, 0 to 1. */
  readonly from: number;
  readonly to: number;
}

/** Degrees. Hues that are closer look alike, one below the other. */
const apart = 40;
const turn = 120;

/**
 * The coloured thread next to an answer, showing which worker wrote which part. Workers that delivered nothing do not
 * appear. Two peers may have almost the same colour: beside each other the later one has another here, since a seam that nobody sees is none.
 */
export function threadSegments(attempts: readonly Attempt[], length: number): readonly ThreadSegment[] {
  if (length === 0) return [];
  const segments: ThreadSegment[] = [];
  let last: { readonly peer: string; readonly hue: number } | undefined;
  for (const attempt of attempts) {
    if (attempt.toCharacter <= attempt.fromCharacter) continue;
    const { peer } = attempt.worker;
    const own = peerHue(peer);
    const isAlike = last !== undefined && between(own, last.hue) < apart;
    const hue = last?.peer === peer ? last.hue : isAlike ? (last!.hue + turn) % 360 : own;
    last = { peer, hue };
    const [from, to] = [attempt.fromCharacter / length, Math.min(1, attempt.toCharacter / length)];
    segments.push({ attempt, colour: hueColour(hue), from, to });
  }
  return segments;
}

/** The smaller angle, in degrees. */
function between(one: number, other: number): number {
  const difference = Math.abs(one - other);
  return Math.min(difference, 360 - difference);
}
