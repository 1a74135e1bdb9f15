import { abortError, raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { isWireErrorCode, wireError, wireErrors } from '#lib/protocol/errors.ts';
import { rowOf, type Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import type { Ending, JobRecord } from './job-record.ts';
import type { ReceiptBook } from './receipt-book.ts';
import { runJob, type RunResult } from './run-job.ts';
import { etaMs, type ServedModel } from './served-model.ts';
import type { Ticket } from './slot-queue.ts';

/** How a job that was taken came out, for the counters. */
export type WorkOutcome =
  | { readonly type: 'done'; readonly result: RunResult; readonly busyMs: number }
  | { readonly type: 'never-begun' }
  | { readonly type: 'failed'; readonly error: TabloomError; readonly busyMs: number };

export interface WorkComponents {
  readonly clock: Clock;
  readonly book: ReceiptBook;
  readonly onPart: (part: Part) => void;
}

/** A place in the queue, or undefined when the queue is full. */
export interface QueuedWork {
  /** Waits for the slot, runs the engine, ends the record. Never throws. */
  run(): Promise<WorkOutcome>;
}

/** Takes a place for a job now; the record tells its asker about it. */
export function queueWork(
  job: Job,
  record: JobRecord,
  served: ServedModel,
  components: WorkComponents,
): QueuedWork | undefined {
  const slot = Promise.withResolvers<void>();
  slot.promise.catch(() => undefined);
  const ticket = served.queue.enter((place) => {
    if (place === 'dismissed') return slot.reject(wireError('draining'));
    record.place = { position: place.position, etaMs: etaMs(served, place.position) };
    record.bell.ring();
    if (place.position === 0) slot.resolve();
  });
  if (!ticket) return undefined;
  return { run: () => work(job, record, served, { ...components, ticket, slot: slot.promise }) };
}

interface Work extends WorkComponents {
  readonly ticket: Ticket;
  readonly slot: Promise<void>;
}

async function work(job: Job, record: JobRecord, served: ServedModel, components: Work): Promise<WorkOutcome> {
  const { clock, ticket, slot } = components;
  const openedMs = clock.elapsed();
  const over = new AbortController();
  clock.delay(job.deadlineMs, { signal: over.signal }).then(
    () => record.stop(wireError('deadline')),
    () => undefined,
  );
  let begunMs: number | undefined;
  try {
    await raceSignal(slot, record.stopped);
    begunMs = clock.elapsed();
    const outcome = await deliverJob(job, record, served, { ...components, queuedMs: begunMs - openedMs });
    return { ...outcome, busyMs: clock.elapsed() - begunMs };
  } catch (error) {
    ticket.leave();
    if (begunMs === undefined) return await endUnbegun(job, record, served, components, asCoded(error));
    const coded = asCoded(error);
    record.end(failureFrame('error', coded));
    return { type: 'failed', error: coded, busyMs: clock.elapsed() - begunMs };
  } finally {
    over.abort();
    ticket.leave();
  }
}

async function deliverJob(
  job: Job,
  record: JobRecord,
  served: ServedModel,
  { clock, book, onPart, ticket, queuedMs }: Work & { readonly queuedMs: number },
): Promise<{ readonly type: 'done'; readonly result: RunResult }> {
  const output = createOutputRoot(rowOf(job).outputHash);
  const deliver = async (part: Part) => {
    output.add(part);
    onPart(part);
    record.log.append(part);
    record.bell.ring();
    while (record.log.unreadBytes() >= limits.workerBufferBytesMax) {
      await record.bell.wait({ signal: record.stopped });
    }
  };
  const result = await runJob(job, served.model, { clock, deliver, signal: record.stopped });
  ticket.leave();
  const receipt = await book.issue({
    job,
    asker: record.asker,
    engine: served.model.engine,
    output: output.summary(),
    reason: result.reason,
    tokensIn: result.usage.tokensIn,
    timings: { queuedMs, ...result.timings },
    price: { in: '0', out: '0' },
  });
  record.end({ t: 'finish', reason: result.reason, usage: result.usage, receipt });
  return { type: 'done', result };
}

/** A job that left the queue without a slot: a receipt over nothing when its asker stopped it, else a plain no. */
async function endUnbegun(
  job: Job,
  record: JobRecord,
  served: ServedModel,
  { book, clock }: Work,
  reason: TabloomError,
): Promise<WorkOutcome> {
  if (reason.code === 'cancelled') {
    const usage = { tokensIn: 0, tokensOut: 0 };
    const receipt = await book.issue({
      job,
      asker: record.asker,
      engine: served.model.engine,
      output: createOutputRoot(rowOf(job).outputHash).summary(),
      reason: 'cancelled',
      tokensIn: 0,
      timings: { queuedMs: Math.max(0, clock.now() - record.openedAt), ttftMs: 0, decodeMs: 0 },
      price: { in: '0', out: '0' },
    });
    record.end({ t: 'finish', reason: 'cancelled', usage, receipt });
  } else record.end(failureFrame(reason.code === 'deadline' ? 'error' : 'refused', reason));
  return { type: 'never-begun' };
}

function failureFrame(t: 'refused' | 'error', error: TabloomError): Ending {
  const code = isWireErrorCode(error.code) ? error.code : 'internal';
  return { t, code, message: error.code === code ? error.message : wireErrors[code].says };
}

function asCoded(error: unknown): TabloomError {
  if (error instanceof TabloomError) return error;
  if (errorCode(error) === 'aborted') return abortError(AbortSignal.abort(error));
  return wireError('internal', undefined, { cause: error });
}
