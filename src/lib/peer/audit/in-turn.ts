import { createMutex } from '#lib/base/mutex.ts';
import type { Scorer } from '../spec.ts';

/** A validator that sits on two panels at once judges one answer after the other. */
export function inTurn(scorer: Scorer): Scorer {
  const turn = createMutex();
  return { has: scorer.has, score: (...asked) => turn.run(() => scorer.score(...asked)) };
}
