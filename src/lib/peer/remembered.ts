import type { JobId, PeerId } from '#lib/protocol/ids.ts';

/**
 * What an asker remembers of the jobs it named, so that the same id asked again is the same job to the same worker: the
 * salt is part of it, and only that worker knows the answer.
 */
export interface Remembered {
  /** The salt of this id, made the first time. */
  salt(id: JobId, make: () => string): string;
  worker(id: JobId): PeerId | undefined;
  chose(id: JobId, worker: PeerId): void;
}

const jobsMax = 1_024;

export function createRemembered(): Remembered {
  const jobs = new Map<JobId, { readonly salt: string; worker: PeerId | undefined }>();
  return {
    salt(id, make) {
      const known = jobs.get(id);
      if (known) return known.salt;
      const oldest = jobs.keys().next().value;
      if (jobs.size >= jobsMax && oldest !== undefined) jobs.delete(oldest);
      const salt = make();
      jobs.set(id, { salt, worker: undefined });
      return salt;
    },
    worker: (id) => jobs.get(id)?.worker,
    chose(id, worker) {
      const known = jobs.get(id);
      if (known) known.worker = worker;
    },
  };
}
