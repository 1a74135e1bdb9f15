import type { Clock } from '#lib/base/clock.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import type { JobId, PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { WorkerSession } from '../session/worker-runner.ts';

/**
 * What a worker remembers of a job it took, so that the same id is answered from here and never run twice. A record
 * belongs to the asker that opened it: nobody else reads an answer by knowing its id. The prompt is not kept beyond the
 * run, only its fingerprint.
 */
export interface JobRecord {
  readonly asker: PeerId;
  readonly jobId: JobId;
  /** 0, or where a resumed answer goes on. */
  readonly fromToken: number;
  /** See {@link jobFingerprint}. */
  readonly fingerprint: string;
  readonly openedAt: number;
  readonly session: WorkerSession;
}

/** SHA-256 over what makes two jobs of one id the same job: everything that shapes the answer, but no deadline. */
export const jobFingerprint = ({ artefact, kind, input, params, tier, salt, resume }: Job): string =>
  hashRecord({ artefact, kind, input, params, tier, salt, resume });

export interface JobRecords {
  /** The asker's record of this job, running or remembered. The same id from another token on is another piece of work. */
  find(asker: PeerId, job: Job): JobRecord | undefined;
  /** What still runs of this id for this asker, whichever token it began at. */
  liveOf(asker: PeerId, jobId: JobId): readonly JobRecord[];
  add(record: JobRecord): void;
  /** The job is over: from now on the record may be forgotten to make room. */
  close(record: JobRecord): void;
  /** Forgets a record, as when its job was never begun. */
  forget(record: JobRecord): void;
  /** Jobs of this asker that are not over. */
  openOf(asker: PeerId): number;
  /** Everything that is not over. */
  live(): readonly JobRecord[];
  readonly size: number;
}

export interface JobRecordLimits {
  readonly recordsMax: number;
  readonly ttlMs: number;
  /** Sum of the remembered answers. */
  readonly bytesMax: number;
}

export const jobRecordLimits: JobRecordLimits = {
  recordsMax: limits.jobRecordsMax,
  ttlMs: limits.jobRecordTtlMs,
  bytesMax: limits.jobRecordBytesMax,
};

/** What one asker's closed records come to, oldest first. */
interface Share {
  bytes: number;
  readonly closed: Map<JobRecord, number>;
}

/** Every call costs about the same, however many records there are: shares are counted as they change. */
export function createJobRecords(clock: Clock, bounds: JobRecordLimits = jobRecordLimits): JobRecords {
  const records = new Map<string, JobRecord>();
  const live = new Map<PeerId, Set<JobRecord>>();
  const shares = new Map<PeerId, Share>();
  let bytes = 0;

  const drop = (record: JobRecord) => {
    if (records.get(keyOf(record)) === record) records.delete(keyOf(record));
    const running = live.get(record.asker);
    running?.delete(record);
    if (running?.size === 0) live.delete(record.asker);
    const share = shares.get(record.asker);
    const kept = share?.closed.get(record);
    if (!share || kept === undefined) return;
    share.closed.delete(record);
    share.bytes -= kept;
    bytes -= kept;
    if (share.closed.size === 0) shares.delete(record.asker);
  };
  /** One asker's many jobs push out its own records, not those of the others. */
  const dropOldestOf = (weigh: (share: Share) => number): boolean => {
    let largest: Share | undefined;
    for (const share of shares.values()) if (!largest || weigh(share) > weigh(largest)) largest = share;
    const oldest = largest?.closed.keys().next().value;
    if (oldest) drop(oldest);
    return oldest !== undefined;
  };
  /** A job that runs is never forgotten. */
  const prune = () => {
    const staleAt = clock.now() - bounds.ttlMs;
    for (const share of shares.values()) {
      for (const record of share.closed.keys()) {
        if (record.openedAt >= staleAt) break;
        drop(record);
      }
    }
    while (records.size > bounds.recordsMax && dropOldestOf(({ closed }) => closed.size));
    while (bytes > bounds.bytesMax && dropOldestOf((share) => share.bytes));
  };

  return {
    get size() {
      return records.size;
    },
    find(asker, job) {
      prune();
      return records.get(keyOf({ asker, jobId: job.id, fromToken: firstToken(job) }));
    },
    liveOf: (asker, jobId) => [...(live.get(asker) ?? [])].filter((record) => record.jobId === jobId),
    add(record) {
      const before = records.get(keyOf(record));
      if (before) drop(before);
      records.set(keyOf(record), record);
      const running = live.get(record.asker) ?? new Set();
      live.set(record.asker, running.add(record));
      prune();
    },
    close(record) {
      if (!live.get(record.asker)?.delete(record)) return;
      if (live.get(record.asker)?.size === 0) live.delete(record.asker);
      const share = shares.get(record.asker) ?? { bytes: 0, closed: new Map<JobRecord, number>() };
      const size = record.session.bytes;
      share.closed.set(record, size);
      share.bytes += size;
      bytes += size;
      shares.set(record.asker, share);
      prune();
    },
    forget: drop,
    openOf: (asker) => live.get(asker)?.size ?? 0,
    live: () => [...live.values()].flatMap((running) => [...running]),
  };
}

export const firstToken = (job: Job): number => job.resume?.tokens ?? 0;

const keyOf = ({ asker, jobId, fromToken }: Pick<JobRecord, 'asker' | 'jobId' | 'fromToken'>) =>
  `${asker}/${jobId}/${fromToken}`;
