import type { Clock } from '#lib/base/clock.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import type { JobId, PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { WorkerSession } from '../session/worker-runner.ts';

/**
 * A job that a worker took, on record so that the same id is answered from here and never run twice. A record belongs to
 * the asker that opened it: knowing its id lets no other peer read the answer. The prompt is not kept beyond the run, only
 * its fingerprint.
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
  /** The asker's record of this job, running or ended. The same id resumed at another token has a record of its own. */
  find(asker: PeerId, job: Job): JobRecord | undefined;
  /** The asker's records of this id that still run, at whatever token they began. */
  liveOf(asker: PeerId, jobId: JobId): readonly JobRecord[];
  add(record: JobRecord): void;
  /** Puts an ended job on record again after a restart. */
  restore(record: JobRecord): void;
  /** The job has ended: from now on `answer` is on record, and may be dropped to make room. */
  close(record: JobRecord, answer?: WorkerSession): void;
  /** Drops a record, as when its job was never begun. */
  forget(record: JobRecord): void;
  /** The number of this asker's jobs that run or wait. */
  openOf(asker: PeerId): number;
  /** All records whose job runs or waits. */
  live(): readonly JobRecord[];
  readonly size: number;
}

export interface JobRecordLimits {
  readonly recordsMax: number;
  readonly ttlMs: number;
  /** Of all answers on record together. */
  readonly bytesMax: number;
}

export const jobRecordLimits: JobRecordLimits = {
  recordsMax: limits.jobRecordsMax,
  ttlMs: limits.jobRecordTtlMs,
  bytesMax: limits.jobRecordBytesMax,
};

/** One asker's closed records and their size, oldest first. */
interface Share {
  bytes: number;
  readonly closed: Map<JobRecord, number>;
}

/** The cost of a call does not grow with the number of records: shares are counted as they change. */
export function createJobRecords(
  clock: Clock,
  bounds: JobRecordLimits = jobRecordLimits,
  /** Called with each ended record that is dropped. */
  onDrop: (record: JobRecord) => void = () => undefined,
): JobRecords {
  const records = new Map<string, JobRecord>();
  const live = new Map<PeerId, Set<JobRecord>>();
  const shares = new Map<PeerId, Share>();
  let bytes = 0;

  const drop = (record: JobRecord) => {
    if (records.get(recordKey(record)) === record) records.delete(recordKey(record));
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
    onDrop(record);
  };
  const keepClosed = (record: JobRecord) => {
    const share = shares.get(record.asker) ?? { bytes: 0, closed: new Map<JobRecord, number>() };
    const size = record.session.bytes;
    share.closed.set(record, size);
    share.bytes += size;
    bytes += size;
    shares.set(record.asker, share);
    prune();
  };
  /** An asker with many jobs pushes out its own records, not those of others. */
  const dropOldestOf = (weigh: (share: Share) => number): boolean => {
    let largest: Share | undefined;
    for (const share of shares.values()) if (!largest || weigh(share) > weigh(largest)) largest = share;
    const oldest = largest?.closed.keys().next().value;
    if (oldest) drop(oldest);
    return oldest !== undefined;
  };
  /** The record of a running job is never dropped. */
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
      return records.get(recordKey({ asker, jobId: job.id, fromToken: firstToken(job) }));
    },
    liveOf: (asker, jobId) => [...(live.get(asker) ?? [])].filter((record) => record.jobId === jobId),
    add(record) {
      const before = records.get(recordKey(record));
      if (before) drop(before);
      records.set(recordKey(record), record);
      const running = live.get(record.asker) ?? new Set();
      live.set(record.asker, running.add(record));
      prune();
    },
    restore(record) {
      if (records.has(recordKey(record))) return;
      records.set(recordKey(record), record);
      keepClosed(record);
    },
    close(record, answer = record.session) {
      if (!live.get(record.asker)?.delete(record)) return;
      if (live.get(record.asker)?.size === 0) live.delete(record.asker);
      const kept = answer === record.session ? record : { ...record, session: answer };
      records.set(recordKey(record), kept);
      keepClosed(kept);
    },
    forget: drop,
    openOf: (asker) => live.get(asker)?.size ?? 0,
    live: () => [...live.values()].flatMap((running) => [...running]),
  };
}

export const firstToken = (job: Job): number => job.resume?.tokens ?? 0;

export const recordKey = ({ asker, jobId, fromToken }: Pick<JobRecord, 'asker' | 'jobId' | 'fromToken'>) =>
  `${asker}/${jobId}/${fromToken}`;
