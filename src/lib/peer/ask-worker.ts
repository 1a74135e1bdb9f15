import { abortError, raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError, toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { isWireErrorCode, wireError, wireErrors } from '#lib/protocol/errors.ts';
import {
  decodeWorkerFrame,
  encodeAskerFrame,
  jobProtocol,
  type AskerFrame,
  type WorkerFrame,
} from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { OfferedModel } from '#lib/protocol/offer.ts';
import { allHold, checkReceipt } from '#lib/trust/check.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { watchFarewell } from './farewell.ts';
import { isLegal, type JobState } from './lifecycle.ts';
import type { ReceiptBook } from './receipt-book.ts';
import type { JobEvent, Settlement, WorkerView } from './spec.ts';
import { createWatchdog } from './watchdog.ts';

export interface AskComponents {
  readonly net: Net;
  readonly directory: Pick<Directory, 'onChange'>;
  readonly clock: Clock;
  readonly book: ReceiptBook;
  /** Of the offer that was taken. */
  readonly addrs: readonly string[];
  readonly price: OfferedModel['price'];
  /** Folded with every event given out so far. */
  readonly state: () => JobState;
  /** Aborting cancels: the worker is told and may still settle. */
  readonly signal: AbortSignal;
  /** Aborts with `deadline` when the asker's time is up. */
  readonly timeUp: AbortSignal;
}

/** How an attempt ended; everything that had to be told on the way has been told as events. */
export type AttemptEnd =
  | { readonly type: 'finished'; readonly frame: FinishFrame; readonly settlement: Settlement }
  | { readonly type: 'cancelled'; readonly settlement?: Settlement | undefined }
  | { readonly type: 'refused'; readonly error: ErrorRecord }
  /** The worker's fault or the way's; another may do it. */
  | { readonly type: 'lost'; readonly error: ErrorRecord }
  /** The request's own fault, or its time is up: no other worker helps. */
  | { readonly type: 'failed'; readonly error: ErrorRecord };

type FinishFrame = Extract<WorkerFrame, { t: 'finish' }>;

/** Dialling included: a worker that cannot be reached within this is passed over. */
export const openTimeoutMs = 10_000;
/** After a cancel, for the parts under way and the receipt. */
export const settleTimeoutMs = 1_500;
/** What an asker holds of one answer, in UTF-16 units. */
const answerLengthMax = 1024 * 1024;
/** Engines may count an end-of-text token past the wish. */
const tokenSlack = 8;
const acceptedMax = 2_048;

/** One job at one worker, from dialling to the last frame. */
export async function* askWorker(
  job: Job,
  worker: WorkerView,
  components: AskComponents,
): AsyncGenerator<JobEvent, AttemptEnd> {
  const { clock, signal, timeUp } = components;
  const lost = new AbortController();
  const watchdog = createWatchdog(clock, (reason) => lost.abort(reason));
  const ended = AbortSignal.any([lost.signal, timeUp]);
  const endWatch = watchFarewell(worker.peer, components, () => lost.abort(wireError('peer-lost')));
  let channel: Channel | undefined;
  let done = false;
  try {
    const open = encodeAskerFrame({ t: 'open', job });
    watchdog.expect(openTimeoutMs, wireError('peer-lost', 'The peer could not be reached in time. Try another one.'));
    channel = await components.net.open(worker.peer, jobProtocol, {
      signal: AbortSignal.any([ended, signal]),
      addrs: components.addrs,
    });
    yield { type: 'channel-opened', at: clock.now(), path: channel.path };
    watchdog.expect(
      limits.acceptTimeoutMs,
      wireError('peer-lost', 'The peer did not answer in time. Try another one.'),
    );
    await raceSignal(channel.send(open), AbortSignal.any([ended, signal]));
    const end = yield* readAnswer(job, worker, channel, { ...components, watchdog, ended });
    done = true;
    return end;
  } catch (error) {
    return attemptError(error, { lost: lost.signal, timeUp, signal });
  } finally {
    endWatch();
    watchdog.stop();
    // Left in the middle: the worker is told, so that its engine stops without waiting for the channel to die.
    if (!done && channel) await leave(channel, job);
  }
}

interface Reading extends AskComponents {
  readonly watchdog: ReturnType<typeof createWatchdog>;
  readonly ended: AbortSignal;
}

async function* readAnswer(
  job: Job,
  worker: WorkerView,
  channel: Channel,
  { net, clock, book, price, state, signal, watchdog, ended }: Reading,
): AsyncGenerator<JobEvent, AttemptEnd> {
  const frames = channel[Symbol.asyncIterator]();
  const output = createOutputRoot();
  let accepted = 0;
  let tokens = 0;
  let cancelling = false;
  const cancel = () => {
    cancelling = true;
    watchdog.expect(settleTimeoutMs, wireError('cancelled'));
    channel.send(encodeAskerFrame({ t: 'cancel', jobId: job.id })).catch(() => undefined);
  };
  const assertLegal = (type: JobEvent['type']) => {
    if (!isLegal(state(), { type })) throw wireError('bad-frame', 'The peer sent a frame out of turn.');
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for (;;) {
      const next = await raceSignal(frames.next(), ended);
      if (next.done) throw wireError('peer-lost', 'The peer ended the stream in the middle. Try again.');
      const frame = readFrame(next.value);
      if (!cancelling) {
        if (accepted === 0) watchdog.expect(limits.silenceTimeoutMs, wireError('peer-lost', silence));
        else watchdog.feed();
      }
      switch (frame.t) {
        case 'alive':
          break;
        case 'accepted':
          if (++accepted > acceptedMax) throw wireError('bad-frame');
          assertLegal('job-accepted');
          yield { type: 'job-accepted', at: clock.now(), position: frame.position, etaMs: frame.etaMs };
          break;
        case 'part':
          if (frame.part.type === 'text-delta') {
            tokens += frame.part.tokens;
            const room = job.params.maxTokens - (job.resume?.tokens ?? 0) + tokenSlack;
            if (tokens > room || state().text.length + frame.part.text.length > answerLengthMax) {
              throw wireError('bad-frame', 'The peer sends more than was asked for.');
            }
          }
          assertLegal('part-received');
          output.add(frame.part);
          yield { type: 'part-received', at: clock.now(), part: frame.part };
          break;
        case 'refused':
          assertLegal('worker-refused');
          close(channel, clock);
          return { type: 'refused', error: refusalRecord(frame) };
        case 'error':
          close(channel, clock);
          return failedOrLost(frame);
        case 'finish': {
          assertLegal(frame.reason === 'cancelled' ? 'job-cancelled' : 'job-finished');
          const receiptCheck = checkReceipt(frame.receipt, {
            job,
            asker: net.self,
            worker: worker.peer,
            output: output.summary(),
            reason: frame.reason,
            usage: frame.usage,
            price,
          });
          const countersign = allHold(receiptCheck) ? await book.countersign(frame.receipt) : undefined;
          const receipt = { receipt: frame.receipt, countersign };
          if (receiptCheck.signature && receiptCheck.worker) book.keep('asker', receipt);
          close(channel, clock, countersign && { t: 'countersign', envelope: countersign });
          const settlement = { usage: frame.usage, receipt, receiptCheck };
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

const silence = 'The peer has fallen silent. Try again.';

/** @throws `bad-frame`: a frame that is too large is a breach too, and not the request's fault. */
function readFrame(bytes: Uint8Array): WorkerFrame {
  try {
    return decodeWorkerFrame(bytes);
  } catch (cause) {
    throw wireError('bad-frame', undefined, { cause });
  }
}

const refusalRecord = ({ code, message, retryAfterMs }: Extract<WorkerFrame, { t: 'refused' }>): ErrorRecord =>
  retryAfterMs === undefined ? { code, message } : { code, message, details: { retryAfterMs } };

function failedOrLost({ code, message }: Extract<WorkerFrame, { t: 'error' }>): AttemptEnd {
  const final = code === 'deadline' || (isWireErrorCode(code) && wireErrors[code].retry === 'never');
  return { type: final ? 'failed' : 'lost', error: { code, message } };
}

function attemptError(
  error: unknown,
  { lost, timeUp, signal }: { readonly lost: AbortSignal; readonly timeUp: AbortSignal; readonly signal: AbortSignal },
): AttemptEnd {
  if (timeUp.aborted) return { type: 'failed', error: toErrorRecord(abortError(timeUp)) };
  if (signal.aborted) return { type: 'cancelled' };
  if (lost.aborted) return { type: 'lost', error: toErrorRecord(abortError(lost)) };
  const code = errorCode(error);
  // The request does not fit a frame, or this device itself is offline: no other worker would help.
  if (code === 'frame-too-large' || code === 'net-offline') return { type: 'failed', error: toErrorRecord(error) };
  // More than the net opens to one peer at a time: it has heard nothing of this job and is not to blame.
  if (code === 'busy') return { type: 'refused', error: toErrorRecord(wireError('busy')) };
  if (code === 'bad-frame' || (code === 'peer-lost' && error instanceof TabloomError)) {
    return { type: 'lost', error: toErrorRecord(error) };
  }
  return { type: 'lost', error: toErrorRecord(wireError('peer-lost', undefined, { details: { reason: code } })) };
}

/** Says the last word, if there is one, and closes; not waited for. */
function close(channel: Channel, clock: Clock, last?: AskerFrame): void {
  const within = new AbortController();
  const saying = async () => {
    if (last) await channel.send(encodeAskerFrame(last));
    await channel.close();
  };
  const limit = clock.delay(limits.countersignTimeoutMs, { signal: within.signal }).then(() => {
    throw wireError('peer-lost');
  });
  Promise.race([saying(), limit])
    .catch((error) => channel.abort(error))
    .finally(() => within.abort());
}

/** Stops a worker whose answer nobody waits for any more. */
async function leave(channel: Channel, job: Job): Promise<void> {
  channel.send(encodeAskerFrame({ t: 'cancel', jobId: job.id })).catch(() => undefined);
  // One turn for the frame to be handed to the transport; the abort that follows says the same, only less politely.
  await Promise.resolve();
  channel.abort(wireError('cancelled'));
}
