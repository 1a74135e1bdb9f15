import type { Connection, Stream, StreamCloseEvent } from '@libp2p/interface';
import { raceSignal, throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { channelLost, emptyMessage, frameTooLarge } from '../errors.ts';
import { createFrameDecoder, encodeFrame, endMark } from '../framing.ts';
import { createInbox } from '../inbox.ts';
import type { Channel } from '../spec.ts';
import { after } from './deadline.ts';
import { pathOf } from './paths.ts';

/** Unread bytes at which the stream is paused, and at which it goes on. */
const pauseBytes = 2 * limits.frameBytesMax;
const resumeBytes = limits.frameBytesMax / 2;
/** Where the transport has no way to hold the sender back (WebRTC), a reader this far behind is cut off. */
const unreadBytesMax = 4 * 1024 * 1024;
const closeTimeoutMs = 5_000;

/**
 * A {@link Channel} over a js-libp2p stream. Streams end alike whether the other side closed or died, so the end mark
 * of the framing decides. To be called in the same turn that produced the stream: what arrives earlier is lost.
 */
export function createStreamChannel(stream: Stream, connection: Connection, clock: Clock): Channel {
  const gone = new AbortController();
  const decoder = createFrameDecoder();
  const inbox = createInbox((bufferedBytes) => {
    if (bufferedBytes <= resumeBytes) resume();
  });
  let failure: Error | undefined;
  let sendEnded = false;
  let sending: Promise<void> = Promise.resolve();
  let closing: Promise<void> | undefined;

  const resume = () => {
    if (stream.readStatus === 'paused') stream.resume();
    settleIfDrained();
  };
  const finish = (error?: Error) => {
    failure ??= error;
    if (error) inbox.fail(error);
    gone.abort(error ?? new TabloomError('channel-closed', 'Both sides have closed the channel.'));
  };
  const lose = (cause?: unknown) => finish(channelLost(cause));
  const drop = (error: Error) => {
    if (gone.signal.aborted) return;
    inbox.drop();
    finish(error instanceof TabloomError ? error : channelLost(error));
    stream.abort(error);
  };
  const settleIfDrained = () => {
    const over = stream.status !== 'open' && stream.status !== 'closing';
    if (!over && stream.remoteWriteStatus !== 'closed') return;
    if (stream.readBufferLength > 0) return;
    if (!inbox.ended) lose();
    else if (over && !gone.signal.aborted) finish();
  };
  const onFrame = (body: Uint8Array) => {
    if (body.length === 0) inbox.end();
    else inbox.push(body);
  };

  stream.maxReadBufferLength = unreadBytesMax;
  stream.addEventListener('message', ({ data }) => {
    try {
      decoder.push(data.subarray(), onFrame);
    } catch (error) {
      drop(error as Error);
    }
    if (inbox.bufferedBytes > pauseBytes && stream.readStatus === 'readable') stream.pause();
  });
  stream.addEventListener('end', settleIfDrained);
  stream.addEventListener('close', (event: StreamCloseEvent) => {
    if (event.error && !inbox.ended) lose(event.error);
    else if (event.error && !gone.signal.aborted) finish(channelLost(event.error));
    else settleIfDrained();
  });

  const assertOpen = () => {
    if (failure) throw failure;
    if (sendEnded || stream.writeStatus !== 'writable') throw channelLost();
  };
  const drained = async (signal: AbortSignal | undefined) => {
    while (stream.writableNeedsDrain && !gone.signal.aborted) {
      await new Promise<void>((resolve, reject) => {
        const stop = new AbortController();
        const on = { once: true, signal: stop.signal };
        const over = (settle: () => void) => () => {
          stop.abort();
          settle();
        };
        stream.addEventListener('drain', over(resolve), on);
        gone.signal.addEventListener('abort', over(resolve), on);
        signal?.addEventListener(
          'abort',
          over(() => reject(signal.reason)),
          on,
        );
      });
      throwIfAborted(signal);
    }
  };
  const write = (bytes: Uint8Array) => {
    try {
      stream.send(bytes);
    } catch (error) {
      lose(error);
      throw failure;
    }
  };
  const inTurn = (step: () => Promise<void>): Promise<void> => {
    const turn = sending.then(step);
    sending = turn.catch(() => undefined);
    return turn;
  };
  const closeStream = async () => {
    if (failure || sendEnded) return;
    await drained(undefined);
    if (failure) return;
    sendEnded = true;
    const deadline = after(clock, closeTimeoutMs, gone.signal);
    try {
      if (stream.writeStatus === 'writable') stream.send(endMark);
      await stream.close({ signal: deadline.signal });
    } catch (error) {
      drop(error as Error);
    } finally {
      deadline.clear();
      settleIfDrained();
    }
  };

  return {
    remote: connection.remotePeer.toString(),
    path: pathOf(connection),
    closed: gone.signal,
    async send(message, { signal }: AbortOptions = {}) {
      if (message.length > limits.frameBytesMax) throw frameTooLarge(message.length);
      if (message.length === 0) throw emptyMessage();
      const turn = inTurn(async () => {
        throwIfAborted(signal);
        assertOpen();
        await drained(signal);
        assertOpen();
        write(encodeFrame(message));
      });
      await raceSignal(turn, signal);
    },
    close: () => (closing ??= inTurn(closeStream)),
    abort: drop,
    [Symbol.asyncIterator]: () => inbox[Symbol.asyncIterator](),
  };
}
