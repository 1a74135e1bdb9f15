import { joinSignals, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { Channel } from '#lib/net/spec.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import { wireError, wireErrors } from '#lib/protocol/errors.ts';
import type { AskerFrame, UnknownFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import { jobRefusal, type JobRefusal } from '../serve/admit.ts';
import { createTimers } from '../timers.ts';
import { messagesOf, readAskerFrame, sendWorkerFrame, type Message } from './frames.ts';
import { isAdmitted, phaseOf } from './worker-spec.ts';
import { chargedOf } from './worker-account.ts';
import type { WorkerSession } from './worker-runner.ts';

export interface ServeComponents {
  readonly clock: Clock;
  readonly kinds: KindTable;
  /** Takes the job, or finds its session if it was taken before, or refuses it. */
  readonly accept: (asker: PeerId, job: Job) => WorkerSession | JobRefusal;
  /** Called with the asker's signature under the receipt, if it arrives in time. */
  readonly onCountersign: (session: WorkerSession, envelope: Envelope) => void;
  /** Aborts when the provider stops: no new job is begun. */
  readonly stopping: AbortSignal;
  /** Aborts once the last frames at the stop have been sent. */
  readonly stopped: AbortSignal;
}

/**
 * Serves one job channel from its first frame to its last. Whatever a hostile asker does ends only this channel and, if no
 * other channel follows the job, its engine. An asker that closes its side before the end has left.
 */
export async function serveChannel(channel: Channel, components: ServeComponents): Promise<void> {
  const frames = messagesOf(channel)[Symbol.asyncIterator]();
  const opened = await readOpen(frames, components);
  const session = 'code' in opened ? opened : components.accept(channel.remote, opened.job);
  if ('code' in session) return closeWith(channel, { t: 'refused', ...session }, components);
  await followSession(session, channel, frames, components);
}

async function followSession(
  session: WorkerSession,
  channel: Channel,
  frames: AsyncIterator<Message>,
  components: ServeComponents,
): Promise<void> {
  const { clock, kinds, stopping, stopped } = components;
  /** Aborts, with the reason, when the asker has left, and with the process or the channel. */
  const left = joinSignals([stopped, channel.closed]);
  session.follow();
  const reading = readAsker(session, frames, kinds);
  // Until the answer has been sent, an asker that closes its side has left.
  let answered = false;
  reading.then(
    (end) => {
      if (!answered && end.type === 'left') left.abort(wireError('peer-lost', 'The asker has left.'));
    },
    (error: unknown) => left.abort(error),
  );
  try {
    await sendAnswer(session, channel, {
      clock,
      signal: left.signal,
      onStall: () => left.abort(wireError('peer-lost', 'The asker has stopped reading.')),
    });
    answered = true;
    if (session.state.ending?.t === 'finish') {
      const end = await withTimeout(reading, clock, limits.countersignTimeoutMs, { signal: stopping }).catch(
        () => undefined,
      );
      if (end?.type === 'countersign') components.onCountersign(session, end.envelope);
    }
    await channel.close();
  } catch (error) {
    const broken = errorCode(left.signal.reason);
    if (broken === 'bad-frame' || broken === 'version') await closeWith(channel, failure(broken), components);
    else if (stopped.aborted) await closeWith(channel, failure('draining'), components);
    else channel.abort(asError(error));
  } finally {
    left.release();
    session.leave();
  }
}

/**
 * Sends a session over one channel: the place in the queue, the frames of the answer, and `alive` when there is nothing else
 * to send. Resolves when the closing frame has been sent.
 * @throws `channel-lost`, `peer-lost` for an asker that does not read, the signal's coded error.
 */
async function sendAnswer(
  session: WorkerSession,
  channel: Channel,
  {
    clock,
    signal: ended,
    onStall,
  }: { readonly clock: Clock; readonly signal: AbortSignal; readonly onStall: () => void },
): Promise<void> {
  const reader = session.read();
  let sentPlace: WorkerSession['state']['place'] | undefined;
  let begun = false;
  let isQuiet = false;
  const timers = createTimers<'alive' | 'stall'>({
    clock,
    onFire: (timer) => {
      if (timer === 'stall') return onStall();
      isQuiet = true;
      session.changed.notify();
    },
  });

  const nextFrame = (): WorkerFrame | undefined => {
    const { state } = session;
    if (isAdmitted(state) && (sentPlace === undefined || (!begun && sentPlace !== state.place))) {
      sentPlace = state.place;
      return { t: 'accepted', ...sentPlace, ...(state.account && chargedOf(state.account)) };
    }
    const frame = reader.next();
    if (frame) {
      begun ||= frame.t === 'part';
      return frame;
    }
    return isQuiet ? { t: 'alive', phase: phaseOf(state) } : undefined;
  };

  // One listener for all the waits of an answer.
  ended.addEventListener('abort', session.changed.notify, { once: true });
  try {
    timers.arm('alive', limits.aliveIntervalMs);
    for (let isPartSent = false; ;) {
      const frame = nextFrame();
      // The previous part has been sent, which makes room. Only then: readers that woke each other for nothing would never sleep.
      if (isPartSent) session.changed.notify();
      isPartSent = frame?.t === 'part';
      if (!frame) {
        throwIfAborted(ended);
        await session.changed.wait();
        continue;
      }
      const sending = sendWorkerFrame(channel, frame, { signal: ended });
      if (sending) {
        timers.arm('stall', limits.sendStallMs);
        await sending;
        timers.disarm('stall');
      }
      isQuiet = false;
      timers.arm('alive', limits.aliveIntervalMs);
      if (frame === session.state.ending) return;
    }
  } finally {
    ended.removeEventListener('abort', session.changed.notify);
    timers.stop();
    reader.close();
    session.changed.notify();
  }
}

type AskerEnd = { readonly type: 'left' } | { readonly type: 'countersign'; readonly envelope: Envelope };

/**
 * Reads the asker until it signs, leaves, or breaks the protocol.
 * @throws `bad-frame`, `version`, `channel-lost`.
 */
async function readAsker(session: WorkerSession, frames: AsyncIterator<Message>, kinds: KindTable): Promise<AskerEnd> {
  let payments = 0;
  for (let cancels = 0; ;) {
    const next = await frames.next();
    if (next.done) return { type: 'left' };
    const frame = readAskerFrame(next.value, kinds);
    switch (frame.t) {
      case 'unknown':
        break;
      case 'pay':
        if (++payments > limits.payFramesMax) throw wireError('bad-frame');
        session.pay(frame);
        break;
      case 'blob':
        session.takeFile(frame.sha256, frame.bytes);
        break;
      case 'cancel':
        if (frame.jobId !== session.jobId || ++cancels > limits.cancelFramesMax) throw wireError('bad-frame');
        session.stop(wireError('cancelled'));
        break;
      case 'countersign':
        if (!session.state.ending) throw wireError('bad-frame');
        return { type: 'countersign', envelope: frame.envelope };
      case 'open':
        throw wireError('bad-frame');
    }
  }
}

async function readOpen(
  frames: AsyncIterator<Message>,
  { clock, kinds, stopping }: ServeComponents,
): Promise<Extract<AskerFrame, { t: 'open' }> | JobRefusal> {
  try {
    for (let skipped = 0; ; skipped++) {
      const first = await withTimeout(frames.next(), clock, limits.openFrameTimeoutMs, {
        signal: stopping,
        error: () => wireError('deadline'),
      });
      if (first.done) return jobRefusal('bad-frame', 'The stream ended before a job was named. Send `open` first.');
      const frame: AskerFrame | UnknownFrame = readAskerFrame(first.value, kinds);
      if (frame.t === 'open') return frame;
      if (frame.t !== 'unknown' || skipped >= unknownFramesMax) {
        return jobRefusal('bad-frame', 'Send `open` before anything else.');
      }
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === 'deadline') return jobRefusal('deadline', 'No job was named in time. Send `open` at once.');
    if (code === 'bad-frame' || code === 'frame-too-large' || code === 'version') {
      return jobRefusal(
        code,
        error instanceof Error ? error.message.slice(0, limits.errorMessageLengthMax) : undefined,
      );
    }
    if (stopping.aborted) return jobRefusal('draining');
    throw error;
  }
}

/** Frames of a later version that may come before `open`. */
const unknownFramesMax = 4;

/**
 * For an asker with more channels open than it can need: it is answered `busy`, and what it sends is discarded on arrival, so
 * that nothing accumulates until the channel is closed.
 */
export function refuseUnread(channel: Channel, clock: Clock): Promise<void> {
  discard(channel).catch(() => undefined);
  return closeWith(channel, { t: 'refused', ...jobRefusal('busy') }, { clock });
}

/** An `open` of the largest size and what may follow it; an asker that sends more is cut off. */
const discardedBytesMax = 2 * limits.frameBytesMax;

async function discard(channel: Channel): Promise<void> {
  let bytes = 0;
  for await (const message of messagesOf(channel)) {
    bytes += message.length;
    if (bytes > discardedBytesMax) channel.abort(wireError('busy'));
  }
}

/** Sends the last frame if that is still possible, and closes or aborts the channel. */
async function closeWith(
  channel: Channel,
  frame: WorkerFrame,
  { clock }: Pick<ServeComponents, 'clock'>,
): Promise<void> {
  try {
    await withTimeout(
      Promise.resolve(sendWorkerFrame(channel, frame)).then(() => channel.close()),
      clock,
      limits.countersignTimeoutMs,
      { error: () => wireError('deadline') },
    );
  } catch (error) {
    channel.abort(asError(error));
  }
}

const failure = (code: 'bad-frame' | 'draining' | 'version'): WorkerFrame => ({
  t: 'error',
  code,
  message: wireErrors[code].message,
});

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
