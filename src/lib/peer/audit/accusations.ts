import type { Clock } from '#lib/base/clock.ts';
import type { TrialState } from '#lib/trust/trial-state.ts';

/** Whether a panel has anything to do in it now: a conviction that may be appealed against for a day keeps no other from its turn. */
export const isRunning = ({ phase }: Pick<TrialState, 'phase'>): boolean =>
  phase !== 'appealable' && phase !== 'settled';

/** Trials that one accuser has running at once: whoever accuses much does not keep others from it. */
export const trialsPerAccuserMax = 8;
/** Peers look at their trials every half minute, by clocks of their own: one that is over here may go on elsewhere until then. */
const restMs = 2 * 60_000;

/** The trials that an accuser may still begin, as those who hear it count them: what it accuses beyond that they refuse, and it is lost. */
export interface AccusationPlaces {
  /** One of its trials is over, or waits for an appeal. */
  free(): void;
  /** Whether another may begin beside so many that run. */
  has(running: number): boolean;
}

export function createAccusationPlaces(clock: Pick<Clock, 'now'>): AccusationPlaces {
  let freed: readonly number[] = [];
  return {
    free() {
      freed = [...freed, clock.now()].slice(-trialsPerAccuserMax);
    },
    has(running) {
      const now = clock.now();
      freed = freed.filter((at) => now - at < restMs);
      return running + freed.length < trialsPerAccuserMax;
    },
  };
}
