import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Channel } from '#lib/net/spec.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import { wireError, wireErrors } from '#lib/protocol/errors.ts';
import { decodeAskerFrame, encodeWorkerFrame, type AskerFrame, type WorkerFrame } from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { refusal, type Refusal } from './admit.ts';
import type { JobRecord } from './job-record.ts';
import { sendAnswer } from './send-answer.ts';
import { within } from './within.ts';

export interface ServeComponents {
  readonly clock: Clock;
  /** Takes the job, finds its record when it has been taken before, or says why not. */
  readonly accept: (asker: PeerId, job: Job) => JobRecord | Refusal;
  /** Hears the asker's signature under the receipt; not called when none came in time. */
  readonly onCountersign: (record: JobRecord, envelope: Envelope) => void;
  /** Aborts when the provider stops: nothing new is begun. */
  readonly stopping: AbortSignal;
  /** Aborts when what could be said at the stop has been said. */
  readonly stopped: AbortSignal;
}

/**
 * One job channel from its first frame to its last. Everything a hostile asker can do to it ends this channel and, where
 * nobody else follows the job, its engine; nothing else. An asker that closes its side before the end has left.
 */
export async function serveJob(channel: Channel, components: ServeComponents): Promise<void> {
  const { clock, accept, stopping } = components;
  const frames = channel[Symbol.asyncIterator]();
  const opened = await readOpen(frames, clock, stopping);
  const record = 'code' in opened ? opened : accept(channel.remote, opened.job);
  if ('code' in record) return closeWith(channel, { t: 'refused', ...record }, components);
  await followRecord(record, channel, frames, components);
}

async function followRecord(
  record: JobRecord,
  channel: Channel,
  frames: AsyncIterator<Uint8Array>,
  components: ServeComponents,
): Promise<void> {
  const { clock, stopping, stopped } = components;
  const left = new AbortController();
  record.followers += 1;
  const hearing = hearAsker(record, frames);
  // Until the answer has gone out, the end of the asker's side is its leaving.
  let answered = false;
  const noticeLeaving = async () => {
    try {
      const heard = await hearing;
      if (!answered && heard.type === 'left') left.abort(wireError('peer-lost', 'The asker has left.'));
    } catch (error) {
      left.abort(error);
    }
  };
  void noticeLeaving();
  try {
    await sendAnswer(record, channel, {
      clock,
      signal: AbortSignal.any([stopped, left.signal, channel.closed]),
    });
    answered = true;
    if (record.ending?.t === 'finish') {
      const heard = await within(hearing, limits.countersignTimeoutMs, clock, stopping).catch(() => undefined);
      if (heard?.type === 'countersign') components.onCountersign(record, heard.envelope);
    }
    await channel.close();
  } catch (error) {
    if (errorCode(left.signal.reason) === 'bad-frame') {
      await closeWith(channel, failure('bad-frame'), components);
    } else if (stopped.aborted) await closeWith(channel, failure('draining'), components);
    else channel.abort(asError(error));
  } finally {
    record.followers -= 1;
    if (record.followers === 0 && !record.ending) record.stop(wireError('peer-lost', 'The asker has left.'));
  }
}

type Heard = { readonly type: 'left' } | { readonly type: 'countersign'; readonly envelope: Envelope };

/**
 * Reads the asker until it signs, leaves, or breaks the protocol.
 * @throws `bad-frame`, `channel-lost`.
 */
async function hearAsker(record: JobRecord, frames: AsyncIterator<Uint8Array>): Promise<Heard> {
  for (let cancels = 0; ;) {
    const next = await frames.next();
    if (next.done) return { type: 'left' };
    const frame = decodeAskerFrame(next.value);
    if (frame.t === 'countersign' && record.ending) return { type: 'countersign', envelope: frame.envelope };
    if (frame.t !== 'cancel' || frame.jobId !== record.jobId || ++cancels > limits.cancelFramesMax)
      throw wireError('bad-frame');
    record.stop(wireError('cancelled'));
  }
}

async function readOpen(
  frames: AsyncIterator<Uint8Array>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Extract<AskerFrame, { t: 'open' }> | Refusal> {
  try {
    const first = await within(frames.next(), limits.openFrameTimeoutMs, clock, signal);
    if (first.done) return refusal('bad-frame', 'The stream ended before a job was named. Send `open` first.');
    const frame = decodeAskerFrame(first.value);
    return frame.t === 'open' ? frame : refusal('bad-frame', 'Send `open` before anything else.');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'deadline') return refusal('deadline', 'No job was named in time. Send `open` at once.');
    if (code === 'bad-frame' || code === 'frame-too-large') {
      return refusal(code, error instanceof Error ? error.message.slice(0, limits.errorMessageLengthMax) : undefined);
    }
    if (signal.aborted) return refusal('draining');
    throw error;
  }
}

/**
 * For an asker with more channels open than it can need: it hears that it may come again, and what it sends is dropped as
 * it comes, so that it does not pile up until the channel is gone.
 */
export function refuseUnread(channel: Channel, clock: Clock): Promise<void> {
  discard(channel).catch(() => undefined);
  return closeWith(channel, { t: 'refused', ...refusal('busy') }, { clock });
}

/** An `open` of the largest size and what may follow it; who sends more is cut off. */
const discardedBytesMax = 2 * limits.frameBytesMax;

async function discard(channel: Channel): Promise<void> {
  let bytes = 0;
  for await (const message of channel) {
    bytes += message.length;
    if (bytes > discardedBytesMax) channel.abort(wireError('busy'));
  }
}

/** Sends the last frame where that is still possible, and is done with the channel either way. */
async function closeWith(
  channel: Channel,
  frame: WorkerFrame,
  { clock }: Pick<ServeComponents, 'clock'>,
): Promise<void> {
  try {
    await within(
      channel.send(encodeWorkerFrame(frame)).then(() => channel.close()),
      limits.countersignTimeoutMs,
      clock,
    );
  } catch (error) {
    channel.abort(asError(error));
  }
}

const failure = (code: 'bad-frame' | 'draining'): WorkerFrame => ({ t: 'error', code, message: wireErrors[code].says });

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
