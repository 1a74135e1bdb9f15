import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Channel } from '#lib/net/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { decodeWorkerFrame, encodeAskerFrame, type UnknownFrame, type WorkerFrame } from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { maxTokensOf, rowOf, type Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { hasContent, partLength, partTokens } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { Price } from '#lib/protocol/price.ts';
import { createOutputRoot, type OutputSummary } from '#lib/trust/output-root.ts';
import { errorEnd, refusedEnd, type AttemptEnd, type FinishFrame } from './attempt-end.ts';
import { closeChannel } from './close-channel.ts';
import { isLegal, type JobState } from './lifecycle.ts';
import type { ReceiptBook } from './receipt-book.ts';
import type { Remembered } from './remembered.ts';
import type { JobEvent, Settlement, WorkerView } from './spec.ts';
import type { Watchdog } from './watchdog.ts';

/** What is read, and what it is held to. */
export interface ReadTerms {
  readonly clock: Clock;
  readonly book: ReceiptBook;
  readonly remembered: Pick<Remembered, 'stop' | 'wasStopped'>;
  readonly asker: PeerId;
  /** Of the offer that was taken. */
  readonly price: Price;
  /** When this id was first asked, in milliseconds since the epoch: an answer from the record is as old. */
  readonly askedAt: number;
  /** When the job's time is up, as `clock.elapsed` counts. */
  readonly endsAtMs: number;
  /** How long the worker may take to its first word once it has a slot. */
  readonly firstPartTimeoutMs: number;
  /** Folded with every event given out so far. */
  readonly state: () => JobState;
  /** Aborting cancels: the worker is told and may still settle. */
  readonly signal: AbortSignal;
}

export interface Reading extends ReadTerms {
  /** Over the next frame, whichever it is. */
  readonly silence: Watchdog;
  /** Over the first word. */
  readonly firstWord: Watchdog;
  /** Aborts when the worker is lost or the time is up. */
  readonly ended: AbortSignal;
}

/** How far before its own end an asker believes a worker that the time is up: their timers do not run alike. */
const deadlineSlackMs = 1_000;

const says = {
  silent: 'The peer has fallen silent. Try again.',
  wordless: 'The peer took the job and said nothing. Try again.',
  ended: 'The peer ended the stream in the middle. Try again.',
  unasked: 'The peer called an answer stopped that nobody had stopped.',
  outOfTurn: 'The peer sent a frame out of turn.',
  tooMuch: 'The peer sends more than was asked for.',
} as const;

/**
 * Everything a worker says on one channel, each frame held to the lifecycle's table and the wire's limits.
 * @throws `bad-frame`, `peer-lost`, and the reason of `ended`.
 */
export async function* readAnswer(
  job: Job,
  worker: WorkerView,
  channel: Channel,
  reading: Reading,
): AsyncGenerator<JobEvent, AttemptEnd> {
  const { clock, remembered, state, signal, silence, firstWord, ended } = reading;
  const frames = channel[Symbol.asyncIterator]();
  const output = createOutputRoot(rowOf(job).outputHash);
  const room = (maxTokensOf(job) ?? limits.maxTokensMax) - (job.resume?.tokens ?? 0) + limits.tokenSlack;
  let accepted = 0;
  let tokens = 0;
  let started = false;
  let cancelling = false;
  const cancel = () => {
    cancelling = true;
    remembered.stop(job.id, worker.peer);
    silence.expect(limits.settleTimeoutMs, wireError('cancelled'));
    channel.send(encodeAskerFrame({ t: 'cancel', jobId: job.id })).catch(() => undefined);
  };
  const assertLegal = (type: JobEvent['type']) => {
    if (!isLegal(state(), { type })) throw wireError('bad-frame', says.outOfTurn);
  };
  /** Only who has stopped a job hears that it was stopped, now or when it asks for the same one again. */
  const assertStopped = (stopped: boolean) => {
    if (!stopped) throw wireError('bad-frame', says.unasked);
  };
  const take = (part: Part) => {
    if (part.type !== 'warning') {
      tokens += partTokens(part);
      if (tokens > room || state().text.length + partLength(part) > limits.answerLengthMax) {
        throw wireError('bad-frame', says.tooMuch);
      }
      if (hasContent(part)) firstWord.stop();
    }
    assertLegal('part-received');
    output.add(part);
  };

  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for (;;) {
      const next = await raceSignal(frames.next(), ended);
      if (next.done) throw wireError('peer-lost', says.ended);
      const frame = readFrame(next.value);
      if (!cancelling) {
        if (accepted === 0) silence.expect(limits.silenceTimeoutMs, wireError('peer-lost', says.silent));
        else silence.feed();
      }
      switch (frame.t) {
        case 'alive':
        case 'checkpoint':
        case 'unknown':
          break;
        case 'accepted':
          if (++accepted > limits.acceptedFramesMax) throw wireError('bad-frame');
          assertLegal('job-accepted');
          if (frame.position === 0 && !started) {
            started = true;
            firstWord.expect(reading.firstPartTimeoutMs, wireError('peer-lost', says.wordless));
          }
          yield { type: 'job-accepted', at: clock.now(), position: frame.position, etaMs: frame.etaMs };
          break;
        case 'part':
          take(frame.part);
          yield { type: 'part-received', at: clock.now(), part: frame.part };
          break;
        case 'refused':
          if (frame.code === 'cancelled') assertStopped(cancelling);
          assertLegal('worker-refused');
          closeChannel(channel, clock);
          return refusedEnd(frame);
        case 'error':
          if (frame.code === 'cancelled') assertStopped(cancelling);
          closeChannel(channel, clock);
          if (cancelling) return { type: 'cancelled' };
          return errorEnd(frame, {
            begun: state().phase === 'streaming',
            late: clock.elapsed() >= reading.endsAtMs - deadlineSlackMs,
          });
        case 'finish': {
          if (frame.reason === 'cancelled') assertStopped(cancelling || remembered.wasStopped(job.id, worker.peer));
          assertLegal(frame.reason === 'cancelled' ? 'job-cancelled' : 'job-finished');
          firstWord.stop();
          const settlement = await settle(frame, { job, worker, channel, output: output.summary() }, reading);
          return frame.reason === 'cancelled'
            ? { type: 'cancelled', settlement }
            : { type: 'finished', frame, settlement };
        }
      }
    }
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** @throws `bad-frame`: a frame that is too large is a breach too, and not the request's fault. */
function readFrame(bytes: Uint8Array): WorkerFrame | UnknownFrame {
  try {
    return decodeWorkerFrame(bytes);
  } catch (cause) {
    throw wireError('bad-frame', undefined, { cause });
  }
}

interface Received {
  readonly job: Job;
  readonly worker: WorkerView;
  readonly channel: Channel;
  readonly output: OutputSummary;
}

/** Checks the receipt, signs and keeps it where it holds, and closes. */
async function settle(
  frame: FinishFrame,
  { job, worker, channel, output }: Received,
  { clock, book, asker, price, askedAt }: Reading,
): Promise<Settlement> {
  const { receipt, receiptCheck } = await book.take(frame.receipt, {
    job,
    asker,
    worker: worker.peer,
    engine: worker.engine,
    output,
    reason: frame.reason,
    usage: frame.usage,
    price,
    askedAt,
    receivedAt: clock.now(),
  });
  const { countersign } = receipt;
  closeChannel(channel, clock, countersign && { t: 'countersign', envelope: countersign });
  return { usage: frame.usage, receipt, receiptCheck };
}
