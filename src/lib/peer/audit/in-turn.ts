import { createMutex } from '#lib/base/mutex.ts';
import type { Scorer } from '../spec.ts';

/** A validator that sits on two panels at once judges one answer after the other. */
export function inTurn(scorer: Scorer): Scorer {
  const turn = createMutex();
  return { has: scorer.has, score: (...asked) => turn.run(() => scorer.score(...asked)) };
}

/** One thing after the other for each key, and nothing kept of a key that nobody waits for. */
export function createTurns() {
  const last = new Map<string, Promise<unknown>>();
  return {
    async run<T>(key: string, task: () => Promise<T>): Promise<T> {
      const mine = (last.get(key) ?? Promise.resolve()).then(task, task);
      last.set(key, mine);
      try {
        return await mine;
      } finally {
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}
