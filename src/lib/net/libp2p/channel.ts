import type { Connection, Stream, StreamCloseEvent } from '@libp2p/interface';
import { raceSignal, throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { limits } from '#lib/protocol/limits.ts';
import { channelLost, emptyMessage, frameTooLarge } from '../errors.ts';
import { createFrameDecoder, encodeCredit, encodeFrame, endMark, windowBytes } from '../framing.ts';
import { createInbox } from '../inbox.ts';
import type { Channel } from '../spec.ts';
import { pathOf } from './paths.ts';

const closeTimeoutMs = 5_000;

/**
 * A {@link Channel} over a js-libp2p stream. WebRTC has no backpressure, so credit provides it; a stream ends the same
 * way whether the other side closed or died, so the end mark decides. The stream is closed once both sides have sent
 * the mark, since credit must flow until then. Must be called in the same turn that produced the stream: anything
 * arriving earlier is lost.
 */
export function createStreamChannel(
  stream: Stream,
  connection: Connection,
  clock: Clock,
  /** Called whenever any bytes arrive. */
  onActivity: () => void = () => undefined,
): Channel {
  const gone = new AbortController();
  const inbox = createInbox((bufferedBytes) => giveCredit(bufferedBytes));
  let failure: Error | undefined;
  let sendEnded = false;
  let readEnded = false;
  let unreadAtOtherBytes = 0;
  let receivedBytes = 0;
  let creditedBytes = 0;
  let freed: (() => void) | undefined;
  const sending = createMutex();
  let closing: Promise<void> | undefined;

  const finish = (error?: Error) => {
    if (gone.signal.aborted) return;
    failure ??= error;
    if (error) inbox.fail(error);
    gone.abort(error ?? new TabloomError('channel-closed', 'Both sides have closed the channel.'));
    freed?.();
  };
  const drop = (error: Error) => {
    if (gone.signal.aborted) return;
    inbox.drop();
    finish(error instanceof TabloomError ? error : channelLost(error));
    stream.abort(error);
  };
  const write = (bytes: Uint8Array) => {
    try {
      stream.send(bytes);
    } catch (error) {
      finish(channelLost(error));
      throw failure;
    }
  };
  /**
   * Granted in quarters of the window rather than per message, so that a token stream does not cause a reply for each
   * token.
   */
  const giveCredit = (bufferedBytes: number) => {
    const takenBytes = receivedBytes - bufferedBytes - creditedBytes;
    if (takenBytes < windowBytes / 4 || readEnded || gone.signal.aborted) return;
    creditedBytes += takenBytes;
    try {
      write(encodeCredit(takenBytes));
    } catch {
      // Reader and writer have already been notified of the loss.
    }
  };
  const closeStream = async () => {
    const deadline = startDeadline(clock, closeTimeoutMs);
    finish();
    await stream.close({ signal: deadline.signal }).catch((error: Error) => stream.abort(error));
    deadline.clear();
  };

  const onMessage = (message: Uint8Array) => {
    if (message.length === 0) return onEnd();
    receivedBytes += message.length;
    inbox.push(message);
    if (inbox.bufferedBytes > 2 * windowBytes)
      throw new TabloomError('bad-frame', 'The other side exceeds its credit.');
  };
  const onEnd = () => {
    readEnded = true;
    inbox.end();
    if (sendEnded) closeStream().catch(() => undefined);
  };
  const onCredit = (bytes: number) => {
    unreadAtOtherBytes = Math.max(0, unreadAtOtherBytes - bytes);
    freed?.();
  };

  const decoder = createFrameDecoder();
  stream.addEventListener('message', ({ data }) => {
    onActivity();
    if (failure) return;
    try {
      decoder.push(data.subarray(), onMessage, onCredit);
    } catch (error) {
      drop(error as Error);
    }
  });
  // Fires when the other side has closed its half and everything it sent has been delivered.
  stream.addEventListener('end', () => {
    if (!readEnded) finish(channelLost());
  });
  stream.addEventListener('close', (event: StreamCloseEvent) => {
    finish(sendEnded && readEnded ? undefined : channelLost(event.error));
  });

  if (stream.status !== 'open' || stream.readableEnded) finish(channelLost());

  const assertOpen = () => {
    if (failure) throw failure;
    if (sendEnded || stream.writeStatus !== 'writable') throw channelLost();
  };
  const drained = async (signal: AbortSignal | undefined) => {
    while (stream.writableNeedsDrain && !gone.signal.aborted) {
      const drain = Promise.withResolvers<void>();
      const resolve = () => drain.resolve();
      stream.addEventListener('drain', resolve, { once: true });
      gone.signal.addEventListener('abort', resolve, { once: true });
      await raceSignal(drain.promise, signal).finally(() => {
        stream.removeEventListener('drain', resolve);
        gone.signal.removeEventListener('abort', resolve);
      });
    }
  };
  const hasCredit = (sizeBytes: number) => unreadAtOtherBytes === 0 || unreadAtOtherBytes + sizeBytes <= windowBytes;
  const credited = async (sizeBytes: number, signal: AbortSignal | undefined) => {
    while (!hasCredit(sizeBytes) && !gone.signal.aborted) {
      const credit = Promise.withResolvers<void>();
      freed = () => credit.resolve();
      await raceSignal(credit.promise, signal);
    }
  };

  const hand = (message: Uint8Array, signal: AbortSignal | undefined) => {
    throwIfAborted(signal);
    assertOpen();
    unreadAtOtherBytes += message.length;
    write(encodeFrame(message));
  };

  return {
    remote: connection.remotePeer.toString(),
    path: pathOf(connection),
    address: connection.remoteAddr.toString(),
    closed: gone.signal,
    async send(message, { signal }: AbortOptions = {}) {
      if (message.length > limits.frameBytesMax) throw frameTooLarge(message.length);
      if (message.length === 0) throw emptyMessage();
      // Nothing is waited for: no queue, no listener.
      if (sending.pending === 0 && hasCredit(message.length) && !stream.writableNeedsDrain)
        return hand(message, signal);
      const turn = sending.run(async () => {
        throwIfAborted(signal);
        assertOpen();
        await credited(message.length, signal);
        await drained(signal);
        hand(message, signal);
      });
      await raceSignal(turn, signal);
    },
    close() {
      closing ??= sending
        .run(async () => {
          await drained(undefined);
          if (failure || stream.writeStatus !== 'writable') return;
          sendEnded = true;
          write(endMark);
          if (readEnded) await closeStream();
        })
        .catch(() => undefined);
      return closing;
    },
    abort: drop,
    [Symbol.asyncIterator]: () => inbox[Symbol.asyncIterator](),
  };
}
