import { z } from 'zod';
import { released } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { decodeCbor } from '#lib/protocol/cbor.ts';
import { decodeWorkerFrame, encodeWorkerFrame } from '#lib/protocol/frame.ts';
import { hashSchema, jobIdSchema, peerIdSchema, type PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { receiptSchema } from '#lib/protocol/receipt.ts';
import type { KeyValue, Write } from '#lib/storage/spec.ts';
import { endedSession, framesOf } from '../session/ended-session.ts';
import type { AnswerFrame } from '../session/frame-log.ts';
import type { WorkerSession } from '../session/worker-runner.ts';
import { initialWorker } from '../session/worker-spec.ts';
import { recordKey, type JobRecord } from './job-records.ts';

/**
 * Finished answers in the storage, so that an asker that comes again after this process has restarted is answered from the
 * record and not billed twice. What is written follows the records in memory, off the way of the answers; an answer that
 * could not be stored is lost with the process.
 */
export interface AnswerStore {
  /** The answers of earlier runs that have not expired, oldest first. Never throws. */
  load(): Promise<readonly JobRecord[]>;
  /** Only an answer that has ended with `finish` is kept. */
  save(record: JobRecord): void;
  drop(record: JobRecord): void;
  settled(): Promise<void>;
}

const storedSchema = z.object({
  asker: peerIdSchema,
  jobId: jobIdSchema,
  fromToken: z.number().int().nonnegative(),
  fingerprint: hashSchema,
  openedAt: z.number(),
  frames: z.array(z.instanceof(Uint8Array)),
});

/** How long a finished answer waits for others to be stored with. */
const flushMs = 100;

export function createAnswerStore({
  storage,
  clock,
  logger,
  keeps = () => true,
}: {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether this asker can come again after this process has ended; all can by default. */
  readonly keeps?: ((asker: PeerId) => boolean) | undefined;
}): AnswerStore {
  const stored = new Set<string>();
  let pending: Write[] = [];
  let writing: Promise<void> | undefined;
  let hurry = new AbortController();

  const warn = (error: unknown) => logger.warn('answers-not-stored', { code: errorCode(error) });
  /** What gathers in the meantime, or while one batch is written, shares a transaction. */
  const flush = async () => {
    await clock.delay(flushMs, { signal: hurry.signal }).catch(() => undefined);
    while (pending.length > 0) await storage.batch(pending.splice(0)).catch(warn);
    hurry = new AbortController();
    writing = undefined;
  };
  const write = (change: Write) => {
    pending.push(change);
    writing ??= flush();
  };
  const remove = (key: string) => write({ type: 'delete', store: 'jobs', key });

  return {
    async load() {
      try {
        const entries = await storage.list('jobs', { limit: limits.jobRecordsMax });
        const read = entries.flatMap(({ key, value }) => {
          const record = readStored(value);
          if (!record || record.openedAt + limits.jobRecordTtlMs <= clock.now()) return (remove(key), []);
          stored.add(key);
          return [record];
        });
        return read.sort((a, b) => a.openedAt - b.openedAt);
      } catch (error) {
        logger.warn('answers-not-read', { code: errorCode(error) });
        return [];
      }
    },
    save(record) {
      if (record.session.state.ending?.t !== 'finish') return;
      const { asker, jobId, fromToken, fingerprint, openedAt } = record;
      if (!keeps(asker)) return;
      const frames = framesOf(record.session).map(encodeWorkerFrame);
      const key = recordKey(record);
      stored.add(key);
      write({ type: 'put', store: 'jobs', key, value: { asker, jobId, fromToken, fingerprint, openedAt, frames } });
    },
    drop(record) {
      if (stored.delete(recordKey(record))) remove(recordKey(record));
    },
    async settled() {
      hurry.abort(released);
      await writing;
    },
  };
}

function readStored(value: unknown): JobRecord | undefined {
  try {
    const { frames, ...record } = storedSchema.parse(value);
    return { ...record, session: restoredSession(record.jobId, frames.map(decodeWorkerFrame) as AnswerFrame[]) };
  } catch {
    return undefined;
  }
}

/** @throws `bad-frame` when the answer has no end. */
function restoredSession(jobId: JobRecord['jobId'], frames: readonly AnswerFrame[]): WorkerSession {
  const ending = frames.at(-1);
  if (ending?.t !== 'finish') throw new TypeError('An answer without its end.');
  const { payment } = decodeCbor(receiptSchema, ending.receipt.payload, 'bad-frame');
  const place = { ...initialWorker.place, ...(payment ? { tokensIn: 0, paid: payment.total } : {}) };
  return endedSession(
    jobId,
    { ...initialWorker, place, phase: 'over', hasBegun: true, hasSpoken: true, ending },
    frames,
  );
}
