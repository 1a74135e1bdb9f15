import type { JobId, PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';

/**
 * The jobs this asker has asked for, by id, in memory and bounded. Asking for the same id again sends the same job, salt
 * included, to the same worker, which has the answer on record.
 */
export interface AskedJobs {
  /** What was fixed when this id was first asked for; `make` fixes it now if it is new. */
  open(id: JobId, make: () => FirstAsked): FirstAsked;
  worker(id: JobId): PeerId | undefined;
  setWorker(id: JobId, worker: PeerId): void;
  /** The worker was sent `cancel`: asked again, it repeats the end of a stopped answer. */
  markStopped(id: JobId, worker: PeerId): void;
  wasStopped(id: JobId, worker: PeerId): boolean;
}

export interface FirstAsked {
  readonly salt: string;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
}

interface AskedJob {
  readonly first: FirstAsked;
  worker: PeerId | undefined;
  /** The workers last sent `cancel`, as many as one ask tries. */
  stopped: readonly PeerId[];
}

const jobsMax = 1_024;

export function createAskedJobs(): AskedJobs {
  const jobs = new Map<JobId, AskedJob>();
  return {
    open(id, make) {
      const known = jobs.get(id);
      if (known) return known.first;
      const oldest = jobs.keys().next().value;
      if (jobs.size >= jobsMax && oldest !== undefined) jobs.delete(oldest);
      const first = make();
      jobs.set(id, { first, worker: undefined, stopped: [] });
      return first;
    },
    worker: (id) => jobs.get(id)?.worker,
    setWorker(id, worker) {
      const known = jobs.get(id);
      if (known) known.worker = worker;
    },
    markStopped(id, worker) {
      const known = jobs.get(id);
      if (known) known.stopped = [...known.stopped, worker].slice(-limits.attemptsMax);
    },
    wasStopped: (id, worker) => jobs.get(id)?.stopped.includes(worker) ?? false,
  };
}
