import type { ErrorRecord } from '#lib/base/errors.ts';
import type { Floor, FloorState } from './floor.ts';

/** Several models of one peer, begun one after the other: a start-up benchmark counts only when nothing runs beside it. */
export interface Floors extends Omit<Floor, 'onModelFailed'> {
  /** To be called when the provider took the model off its shelf. */
  onModelFailed(artefact: string, failure: ErrorRecord): void;
}

export function joinFloors(floors: ReadonlyMap<string, Floor>): Floors {
  const all = [...floors.values()];
  /** Serving while one of them serves; else the first failure there is to tell. */
  const state = (): FloorState => {
    const states = all.map((floor) => floor.state);
    return states.find((one) => one.state === 'serving') ?? states.find((one) => one.state === 'failed') ?? states[0]!;
  };
  return {
    get state() {
      return state();
    },
    ready: Promise.all(all.map((floor) => floor.ready)).then(state),
    start() {
      void all.reduce(async (before, floor) => {
        await before;
        floor.start();
        await floor.ready;
      }, Promise.resolve());
    },
    onModelFailed: (artefact, failure) => floors.get(artefact)?.onModelFailed(failure),
    cancel() {
      for (const floor of all) floor.cancel();
    },
    async stop() {
      await Promise.all(all.map((floor) => floor.stop()));
    },
  };
}
