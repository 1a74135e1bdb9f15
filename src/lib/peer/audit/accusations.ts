import type { Clock } from '#lib/base/clock.ts';

/** Trials of one accuser that peers hold at once: whoever accuses much does not keep others from it. */
export const trialsPerAccuserMax = 8;
/** Peers look at their trials every half minute, by clocks of their own: one that is over here may go on elsewhere until then. */
const restMs = 2 * 60_000;

/** The trials that an accuser may still begin, as those who hear it count them: what it accuses beyond that they refuse, and it is lost. */
export interface AccusationPlaces {
  /** One of its trials is over. */
  free(): void;
  /** Whether another may begin beside `open` ones. */
  has(open: number): boolean;
}

export function createAccusationPlaces(clock: Pick<Clock, 'now'>): AccusationPlaces {
  let freed: readonly number[] = [];
  return {
    free() {
      freed = [...freed, clock.now()].slice(-trialsPerAccuserMax);
    },
    has(open) {
      const now = clock.now();
      freed = freed.filter((at) => now - at < restMs);
      return open + freed.length < trialsPerAccuserMax;
    },
  };
}
