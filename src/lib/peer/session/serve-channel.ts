import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { Channel } from '#lib/net/spec.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import { wireError, wireErrors } from '#lib/protocol/errors.ts';
import {
  decodeAskerFrame,
  encodeWorkerFrame,
  type AskerFrame,
  type UnknownFrame,
  type WorkerFrame,
} from '#lib/protocol/frame.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import { jobRefusal, type JobRefusal } from '../serve/admit.ts';
import { createTimers } from '../timers.ts';
import { phaseOf } from './worker.ts';
import type { WorkerSession } from './worker-runner.ts';

export interface ServeComponents {
  readonly clock: Clock;
  readonly kinds: KindTable;
  /** Takes the job, finds its session when it has been taken before, or says why not. */
  readonly accept: (asker: PeerId, job: Job) => WorkerSession | JobRefusal;
  /** Hears the asker's signature under the receipt; not called when none came in time. */
  readonly onCountersign: (session: WorkerSession, envelope: Envelope) => void;
  /** Aborts when the provider stops: nothing new is begun. */
  readonly stopping: AbortSignal;
  /** Aborts when what could be said at the stop has been said. */
  readonly stopped: AbortSignal;
}

/**
 * One job channel from its first frame to its last. Everything a hostile asker can do to it ends this channel and, where
 * nobody else follows the job, its engine; nothing else. An asker that closes its side before the end has left.
 */
export async function serveChannel(channel: Channel, components: ServeComponents): Promise<void> {
  const frames = channel[Symbol.asyncIterator]();
  const opened = await readOpen(frames, components);
  const session = 'code' in opened ? opened : components.accept(channel.remote, opened.job);
  if ('code' in session) return closeWith(channel, { t: 'refused', ...session }, components);
  await followSession(session, channel, frames, components);
}

async function followSession(
  session: WorkerSession,
  channel: Channel,
  frames: AsyncIterator<Uint8Array>,
  components: ServeComponents,
): Promise<void> {
  const { clock, kinds, stopping, stopped } = components;
  const left = new AbortController();
  session.follow();
  const hearing = hearAsker(session, frames, kinds);
  // Until the answer has gone out, the end of the asker's side is its leaving.
  let answered = false;
  hearing.then(
    (heard) => {
      if (!answered && heard.type === 'left') left.abort(wireError('peer-lost', 'The asker has left.'));
    },
    (error: unknown) => left.abort(error),
  );
  try {
    await sendAnswer(session, channel, { clock, signal: AbortSignal.any([stopped, left.signal, channel.closed]) });
    answered = true;
    if (session.state.ending?.t === 'finish') {
      const heard = await withTimeout(hearing, clock, limits.countersignTimeoutMs, { signal: stopping }).catch(
        () => undefined,
      );
      if (heard?.type === 'countersign') components.onCountersign(session, heard.envelope);
    }
    await channel.close();
  } catch (error) {
    const broken = errorCode(left.signal.reason);
    if (broken === 'bad-frame' || broken === 'version') await closeWith(channel, failure(broken), components);
    else if (stopped.aborted) await closeWith(channel, failure('draining'), components);
    else channel.abort(asError(error));
  } finally {
    session.leave();
  }
}

/**
 * Tells one channel everything of a session: the place in the queue, the frames of the answer, `alive` when there is
 * nothing to say. Resolves when the frame that closes has gone.
 * @throws `channel-lost`, `peer-lost` for an asker that does not read, the signal's coded error.
 */
async function sendAnswer(
  session: WorkerSession,
  channel: Channel,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const reader = session.read();
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  let told: WorkerSession['state']['place'] | undefined;
  let begun = false;
  let isQuiet = false;
  const timers = createTimers<'alive' | 'stall'>({
    clock,
    onFire: (timer) => {
      if (timer === 'stall') return over.abort(wireError('peer-lost', 'The asker has stopped reading.'));
      isQuiet = true;
      session.changed.notify();
    },
  });

  const nextFrame = (): WorkerFrame | undefined => {
    const { state } = session;
    if (told === undefined || (!begun && told !== state.place)) {
      told = state.place;
      return { t: 'accepted', ...told };
    }
    const frame = reader.next();
    if (frame) {
      begun ||= frame.t === 'part';
      return frame;
    }
    return isQuiet ? { t: 'alive', phase: phaseOf(state) } : undefined;
  };

  try {
    timers.arm('alive', limits.aliveIntervalMs);
    for (let isPartSent = false; ;) {
      const frame = nextFrame();
      // The part before has gone, which makes room. Only then: readers that woke each other for nothing would never sleep.
      if (isPartSent) session.changed.notify();
      isPartSent = frame?.t === 'part';
      if (!frame) {
        await session.changed.wait({ signal: ended });
        continue;
      }
      timers.arm('stall', limits.sendStallMs);
      await channel.send(encodeWorkerFrame(frame), { signal: ended });
      timers.disarm('stall');
      isQuiet = false;
      timers.arm('alive', limits.aliveIntervalMs);
      if (frame === session.state.ending) return;
    }
  } finally {
    timers.stop();
    over.abort();
    reader.close();
    session.changed.notify();
  }
}

type Heard = { readonly type: 'left' } | { readonly type: 'countersign'; readonly envelope: Envelope };

/**
 * Reads the asker until it signs, leaves, or breaks the protocol.
 * @throws `bad-frame`, `version`, `channel-lost`.
 */
async function hearAsker(session: WorkerSession, frames: AsyncIterator<Uint8Array>, kinds: KindTable): Promise<Heard> {
  for (let cancels = 0; ;) {
    const next = await frames.next();
    if (next.done) return { type: 'left' };
    const frame = decodeAskerFrame(next.value, kinds);
    switch (frame.t) {
      case 'unknown':
      case 'pay':
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
  frames: AsyncIterator<Uint8Array>,
  { clock, kinds, stopping }: ServeComponents,
): Promise<Extract<AskerFrame, { t: 'open' }> | JobRefusal> {
  try {
    for (let skipped = 0; ; skipped++) {
      const first = await withTimeout(frames.next(), clock, limits.openFrameTimeoutMs, {
        signal: stopping,
        error: () => wireError('deadline'),
      });
      if (first.done) return jobRefusal('bad-frame', 'The stream ended before a job was named. Send `open` first.');
      const frame: AskerFrame | UnknownFrame = decodeAskerFrame(first.value, kinds);
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
 * For an asker with more channels open than it can need: it hears that it may come again, and what it sends is dropped as
 * it comes, so that it does not pile up until the channel is gone.
 */
export function refuseUnread(channel: Channel, clock: Clock): Promise<void> {
  discard(channel).catch(() => undefined);
  return closeWith(channel, { t: 'refused', ...jobRefusal('busy') }, { clock });
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
    await withTimeout(
      channel.send(encodeWorkerFrame(frame)).then(() => channel.close()),
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
