import type { Clock } from '#lib/base/clock.ts';
import type { TabloomError } from '#lib/base/errors.ts';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import type { JobId, PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createAnswerLog, type AnswerLog } from './answer-log.ts';
import { createBell, type Bell } from './bell.ts';

/**
 * What a worker remembers of a job it accepted, so that the same id is answered from here and never run twice. A record
 * belongs to the asker that opened it: nobody else reads an answer by knowing its id. The prompt is not kept, only its
 * fingerprint.
 */
export interface JobRecord {
  readonly asker: PeerId;
  readonly jobId: JobId;
  /** 0, or where a resumed answer goes on. */
  readonly fromToken: number;
  /** See {@link jobFingerprint}. */
  readonly fingerprint: string;
  readonly openedAt: number;
  readonly log: AnswerLog;
  /** Rings whenever something can be sent or room has been made. */
  readonly bell: Bell;
  /** Aborts with the coded reason why the engine must stop. */
  readonly stopped: AbortSignal;
  place: QueuePlace;
  /** The frame that closes the answer; set once. */
  ending: Ending | undefined;
  /** Channels that follow the answer now. */
  followers: number;
  stop(reason: TabloomError): void;
  end(frame: Ending): void;
}

export interface QueuePlace {
  readonly position: number;
  readonly etaMs: number;
}

export type Ending = Extract<WorkerFrame, { t: 'refused' | 'finish' | 'error' }>;

/** SHA-256 over what makes two jobs of one id the same job: everything that shapes the answer, but no deadline. */
export const jobFingerprint = ({ artefact, input, params, tier, salt, resume }: Job): string =>
  hashRecord({ artefact, input, params, tier, salt, resume });

export interface JobRecords {
  /** The asker's record of this job, running or remembered. The same id from another token on is another piece of work. */
  find(asker: PeerId, job: Job): JobRecord | undefined;
  /** What still runs of this id for this asker, whichever token it began at. */
  liveOf(asker: PeerId, jobId: JobId): readonly JobRecord[];
  /** @returns a new record, already remembered. */
  open(asker: PeerId, job: Job): JobRecord;
  /** Forgets a record, as when its job was never begun. */
  forget(record: JobRecord): void;
  /** Jobs of this asker that have not ended. */
  openOf(asker: PeerId): number;
  /** Everything that has not ended. */
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

export function createJobRecords(clock: Clock, bounds: JobRecordLimits = jobRecordLimits): JobRecords {
  const records = new Map<string, JobRecord>();
  const keyOf = (asker: PeerId, jobId: JobId, fromToken: number) => `${asker}/${jobId}/${fromToken}`;
  const live = () => [...records.values()].filter((record) => !record.ending);

  const forget = (record: JobRecord) => {
    const key = keyOf(record.asker, record.jobId, record.fromToken);
    if (records.get(key) === record) records.delete(key);
  };
  const bytesOf = ({ log }: JobRecord) => log.bytes;
  const sum = (weigh: (record: JobRecord) => number) =>
    [...records.values()].reduce((total, record) => total + weigh(record), 0);
  /** Drops ended records, the oldest of whoever holds the most, until the sum is within its bound. */
  const shrink = (weigh: (record: JobRecord) => number, max: number) => {
    for (let over = sum(weigh) - max; over > 0;) {
      const oldest = oldestOfLargest(
        [...records.values()].filter(({ ending }) => ending),
        weigh,
      );
      if (!oldest) return;
      over -= weigh(oldest);
      forget(oldest);
    }
  };
  /** A job that runs is never forgotten. */
  const prune = () => {
    for (const record of records.values()) {
      if (record.ending && clock.now() - record.openedAt > bounds.ttlMs) forget(record);
    }
    shrink(() => 1, bounds.recordsMax);
    shrink(bytesOf, bounds.bytesMax);
  };

  return {
    get size() {
      return records.size;
    },
    find(asker, job) {
      prune();
      return records.get(keyOf(asker, job.id, firstToken(job)));
    },
    liveOf: (asker, jobId) => live().filter((record) => record.asker === asker && record.jobId === jobId),
    open(asker, job) {
      const record = createJobRecord(asker, job, clock.now());
      records.set(keyOf(asker, job.id, firstToken(job)), record);
      prune();
      return record;
    },
    forget,
    openOf: (asker) => live().filter((record) => record.asker === asker).length,
    live,
  };
}

/** One asker's many jobs push out its own records, not those of the others. */
function oldestOfLargest(records: readonly JobRecord[], weigh: (record: JobRecord) => number): JobRecord | undefined {
  const weights = new Map<PeerId, number>();
  for (const record of records) weights.set(record.asker, (weights.get(record.asker) ?? 0) + weigh(record));
  const largest = Math.max(...weights.values());
  return records.find(({ asker }) => weights.get(asker) === largest);
}

const firstToken = (job: Job): number => job.resume?.tokens ?? 0;

function createJobRecord(asker: PeerId, job: Job, openedAt: number): JobRecord {
  const stopping = new AbortController();
  const bell = createBell();
  const log = createAnswerLog();
  const record: JobRecord = {
    asker,
    jobId: job.id,
    fromToken: firstToken(job),
    fingerprint: jobFingerprint(job),
    openedAt,
    log,
    bell,
    stopped: stopping.signal,
    place: { position: 0, etaMs: 0 },
    ending: undefined,
    followers: 0,
    stop: (reason) => stopping.abort(reason),
    end(frame) {
      record.ending ??= frame;
      log.compact();
      bell.ring();
    },
  };
  return record;
}
