import type { JobId, PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';

/**
 * What an asker remembers of the jobs it named, so that the same id asked again is the same job to the same worker: the
 * salt is part of it, and only that worker knows the answer.
 */
export interface Remembered {
  /** What was fixed the first time this id was asked. */
  first(id: JobId, make: () => FirstAsked): FirstAsked;
  worker(id: JobId): PeerId | undefined;
  chose(id: JobId, worker: PeerId): void;
  /** This worker was told to stop: asked again, it repeats the end of a stopped answer. */
  stop(id: JobId, worker: PeerId): void;
  wasStopped(id: JobId, worker: PeerId): boolean;
}

export interface FirstAsked {
  readonly salt: string;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
}

interface RememberedJob {
  readonly first: FirstAsked;
  worker: PeerId | undefined;
  /** The last ones told to stop, as many as one ask tries. */
  stopped: readonly PeerId[];
}

const jobsMax = 1_024;

export function createRemembered(): Remembered {
  const jobs = new Map<JobId, RememberedJob>();
  return {
    first(id, make) {
      const known = jobs.get(id);
      if (known) return known.first;
      const oldest = jobs.keys().next().value;
      if (jobs.size >= jobsMax && oldest !== undefined) jobs.delete(oldest);
      const first = make();
      jobs.set(id, { first, worker: undefined, stopped: [] });
      return first;
    },
    worker: (id) => jobs.get(id)?.worker,
    chose(id, worker) {
      const known = jobs.get(id);
      if (known) known.worker = worker;
    },
    stop(id, worker) {
      const known = jobs.get(id);
      if (known) known.stopped = [...known.stopped, worker].slice(-limits.attemptsMax);
    },
    wasStopped: (id, worker) => jobs.get(id)?.stopped.includes(worker) ?? false,
  };
}
