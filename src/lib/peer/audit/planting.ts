import type { Random } from '#lib/base/random.ts';
import type { SealTruth } from '#lib/protocol/audit.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { AuditOutcomeEffect } from './auditing.ts';

/** Which answers an auditor hands to a panel only to see whether it looks. */
export interface Planting {
  /** What trials end with, by which it knows whose answers are there to be used. */
  note(effect: AuditOutcomeEffect): void;
  plant(score: 'passed' | 'failed', worker: PeerId): Exclude<SealTruth, 'real'> | undefined;
}

/** Of the answers that pass: who finds one of them guilty has not looked. */
const passedShare = 0.05;
/**
 * Of the failed ones of a worker that a panel has found guilty already: who finds one of them innocent has not looked, and what that worker
 * loses does not hang on one more. The first that fails of anybody is always meant.
 */
const failedShare = 0.5;
const convictsMax = 4_096;

export function createPlanting(random: Pick<Random, 'float'>): Planting {
  const convicts = new Set<PeerId>();
  return {
    note(one) {
      if (one.of !== 'trial') return;
      const { effect } = one;
      if (effect.type === 'restore') convicts.delete(effect.worker);
      if (effect.type !== 'derank') return;
      convicts.add(effect.worker);
      if (convicts.size > convictsMax) convicts.delete(convicts.values().next().value!);
    },
    plant(score, worker) {
      if (score === 'passed') return random.float() < passedShare ? 'planted-innocent' : undefined;
      return convicts.has(worker) && random.float() < failedShare ? 'planted-guilty' : undefined;
    },
  };
}
