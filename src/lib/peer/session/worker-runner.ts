import { concatBytes } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError, toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import { createNotifier, type Notifier } from '#lib/base/notifier.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import type { JobId, PeerId } from '#lib/protocol/ids.ts';
import { filesOf, rowOf, type Job } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Part } from '#lib/protocol/part.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import type { Till } from '#lib/pay/ports.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { ReceiptBook } from '../receipt-book.ts';
import type { PlaceListener, Ticket } from '../serve/slot-queue.ts';
import { createCollector, type Collector, type PayFrame } from './collector.ts';
import { drive, type Driver } from './drive.ts';
import { createFrameLog, type FrameReader } from './frame-log.ts';
import { runEngine } from './run-engine.ts';
import { createTimers } from '../timers.ts';
import type { Charge } from './worker-account.ts';
import {
  initialWorker,
  isHeld,
  type QueuePlace,
  type RunResult,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
  type WorkerTimer,
  type WorkOutcome,
} from './worker-spec.ts';
import { reduceWorker } from './worker.ts';

/** What a session needs, and its callbacks. */
export interface WorkerComponents {
  readonly clock: Clock;
  readonly book: ReceiptBook;
  readonly kinds: KindTable;
  readonly model: LoadedModel;
  /** Undefined: the queue is full. */
  readonly enterQueue: (listener: PlaceListener) => Ticket | undefined;
  readonly etaMs: (position: number) => number;
  /** The place it would get now. */
  readonly expectedPlace: () => number;
  /** The price of a job that is not free, and where it is paid. */
  readonly paid?: { readonly charge: Charge; readonly till: Till } | undefined;
  readonly onPart: (part: Part) => void;
  readonly onOver: (outcome: WorkOutcome & { readonly busyMs: number }) => void;
}

/** One job at this worker, however many channels follow it. */
export interface WorkerSession {
  readonly jobId: JobId;
  readonly state: WorkerState;
  /** Notifies when something can be sent, and when room has been made. */
  readonly changed: Notifier;
  /** The size of the answer so far. */
  readonly bytes: number;
  read(): FrameReader;
  follow(): void;
  leave(): void;
  /** Takes the next bytes of a file that the job names. */
  takeFile(sha256: string, bytes: Uint8Array): void;
  /** A payment for the job; one for a free job is ignored. */
  pay(frame: PayFrame): void;
  stop(error: TabloomError): void;
}

/** Starts the session: the job is queued, or refused, at once. */
export function createWorkerSession(job: Job, asker: PeerId, components: WorkerComponents): WorkerSession {
  const { clock, book, kinds, model, paid } = components;
  const output = createOutputRoot(rowOf(job, kinds).outputHash);
  const log = createFrameLog();
  const changed = createNotifier();
  const stopping = new AbortController();
  const openedMs = clock.elapsed();
  const blobs = new Map<string, Uint8Array>();
  const pieces: Uint8Array[] = [];
  let ticket: Ticket | undefined;
  let begunMs: number | undefined;

  /** What the worker's own state does not say, beside it: see `drive`. */
  const session: Driver<WorkerState, WorkerEvent> & { bytes?: number } = drive<WorkerState, WorkerEvent, WorkerEffect>({
    initial: initialWorker,
    reduce: reduceWorker,
    perform: (effect) => perform(effect),
  });
  const { dispatch } = session;
  const collector: Collector | undefined =
    paid &&
    createCollector(job, paid.till, {
      admitted: (total) => dispatch({ type: 'admitted', paid: total }),
      paid: (total) => dispatch({ type: 'paid', paid: total }),
      unpayable: (error) => dispatch({ type: 'unpayable', error }),
    });
  const timers = createTimers<WorkerTimer>({ clock, onFire: (timer) => dispatch({ type: 'timer', timer }) });

  const perform = (effect: WorkerEffect): void => {
    switch (effect.type) {
      case 'enter-queue':
        return enterQueue();
      case 'leave-queue':
        return ticket?.leave();
      case 'open-till':
        return collector?.open();
      case 'start-engine':
        return void run();
      case 'stop-engine':
        return stopping.abort(toError(effect.error));
      case 'append':
        if (effect.frame.t === 'part') output.add(effect.frame.part);
        log.append(effect.frame);
        if (session.state.ending === effect.frame) log.compact();
        return noteChange();
      case 'sign-checkpoint':
        return signCheckpoint();
      case 'sign-receipt':
        return void signReceipt(effect.result);
      case 'wake':
        return changed.notify();
      case 'arm':
        return timers.arm(effect.timer, effect.ms);
      case 'disarm':
        return timers.disarm(effect.timer);
      case 'report': {
        timers.stop();
        collector?.end();
        blobs.clear();
        const busyMs = begunMs === undefined ? 0 : clock.elapsed() - begunMs;
        return components.onOver({ ...effect.outcome, busyMs });
      }
    }
  };

  const noteChange = () => {
    session.bytes = log.bytes;
    changed.notify();
  };
  const placeAt = (position: number): QueuePlace => ({ position, etaMs: components.etaMs(position) });

  const enterQueue = () => {
    ticket = components.enterQueue((place) => {
      if (place === 'dismissed') dispatch({ type: 'dismissed', error: toErrorRecord(wireError('draining')) });
      else dispatch({ type: 'placed', place: placeAt(place.position) });
    });
    if (ticket) return;
    const details = { retryAfterMs: components.etaMs(components.expectedPlace()) };
    dispatch({ type: 'dismissed', error: toErrorRecord(wireError('busy', undefined, { details })) });
  };

  const deliver = (part: Part): Promise<void> | undefined => {
    components.onPart(part);
    dispatch({ type: 'part', part });
    return mustWait() ? untilRoom() : undefined;
  };
  const mustWait = () => log.unreadBytes() >= limits.workerBufferBytesMax || isHeld(session.state);
  const untilRoom = async () => {
    while (mustWait()) await changed.wait({ signal: stopping.signal });
  };

  const run = async () => {
    begunMs = clock.elapsed();
    try {
      const result = await runEngine(job, model, { clock, blobs, deliver, signal: stopping.signal });
      dispatch({ type: 'ran', result });
    } catch (error) {
      dispatch({ type: 'failed', error: codedRecord(error) });
    }
  };

  const signCheckpoint = () => {
    // One that cannot be signed is simply skipped: the next one covers these tokens too.
    const { account } = session.state;
    const envelope = book.checkpoint({ job, asker, output: output.summary(), due: account?.due.toString() });
    if (!envelope) return;
    log.append({ t: 'checkpoint', envelope });
    noteChange();
    collector?.checkMayServe();
  };

  const signReceipt = async (result: RunResult) => {
    const queuedMs = Math.max(0, (begunMs ?? clock.elapsed()) - openedMs);
    try {
      const receipt: Envelope = await book.issue({
        job,
        asker,
        engine: model.engine,
        output: output.summary(),
        reason: result.reason,
        tokensIn: result.usage.tokensIn,
        timings: { queuedMs, ...result.timings },
        price: paid?.charge.price ?? free,
        payment: collector?.receiptOf(session.state.account?.paid ?? 0n),
      });
      const { reason, usage } = result;
      dispatch({ type: 'signed', result, frame: { t: 'finish', reason, usage, receipt } });
    } catch (error) {
      dispatch({ type: 'failed', error: codedRecord(error) });
    }
  };

  dispatch({
    type: 'opened',
    files: filesOf(job, kinds),
    place: placeAt(components.expectedPlace()),
    deadlineMs: job.deadlineMs,
    charge: paid?.charge,
  });

  return Object.assign(session, {
    jobId: job.id,
    changed,
    bytes: log.bytes,
    read: log.read,
    follow: () => dispatch({ type: 'followed' }),
    leave: () => dispatch({ type: 'left' }),
    takeFile(named, bytes) {
      const { phase, files } = session.state;
      if (phase !== 'files') return;
      const isLast = bytes.length >= (files[0]?.sizeBytes ?? 0);
      pieces.push(bytes);
      let intact = false;
      if (isLast) {
        const whole = concatBytes(...pieces.splice(0));
        intact = hashBytes(whole) === named;
        if (intact) blobs.set(named, whole);
      }
      dispatch({ type: 'file', sha256: named, sizeBytes: bytes.length, intact });
    },
    pay: (frame) => collector?.pay(frame),
    stop: (error) => dispatch({ type: 'stop', error: toErrorRecord(error) }),
  } satisfies Omit<WorkerSession, 'state'>);
}

const free: Price = { in: '0', out: '0' };

/** The message of an uncoded error stays on this device. */
const codedRecord = (error: unknown): ErrorRecord =>
  toErrorRecord(error instanceof TabloomError ? error : wireError('internal', undefined, { cause: error }));

const toError = ({ code, message, details }: ErrorRecord): TabloomError =>
  new TabloomError(code, message, details ? { details } : {});
