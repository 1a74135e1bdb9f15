import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { channelLost } from './errors.ts';
import type { Channel, ChannelPath } from './spec.ts';

/**
 * Wraps a channel that was opened some time ago and may have died since. If it is lost before anything has been
 * received on it, `reopen` opens another, once, and everything is resent. Use it only for idempotent protocols.
 */
export function reopenOnce(kept: PeekableChannel, reopen: (signal: AbortSignal) => Promise<Channel>): Channel {
  const first = kept.channel;
  const gone = new AbortController();
  let current = kept;
  /** Messages sent so far, for resending; undefined once a reply has arrived or they exceed the limit. */
  let unanswered: Uint8Array[] | undefined = [];
  let closing = false;
  let trying: Promise<boolean> | undefined;

  /** Called when the first channel is lost. Resolves to whether another one has replaced it. */
  const secondTry = (): Promise<boolean> => (trying ??= tryAgain());
  const tryAgain = async (): Promise<boolean> => {
    // Messages that arrived before the loss must be read first.
    const answered = await current.peek().then(
      () => true,
      (error: unknown) => errorCode(error) !== 'channel-lost',
    );
    const again = unanswered;
    if (answered || !again || gone.signal.aborted) return false;
    unanswered = undefined;
    try {
      const channel = await reopen(gone.signal);
      if (gone.signal.aborted) channel.abort(channelLost());
      current = peekable(channel);
      reopened.path = channel.path;
      endWith(channel);
      for (const message of again) await channel.send(message);
      if (closing) await channel.close();
    } catch (error) {
      gone.abort(error instanceof TabloomError ? error : channelLost(error));
    }
    return !gone.signal.aborted;
  };
  const endWith = (channel: Channel) => {
    const end = () => gone.abort(channel.closed.reason);
    if (channel.closed.aborted) end();
    else channel.closed.addEventListener('abort', end, { once: true });
  };
  const onFirstClosed = async () => {
    const { reason } = first.closed;
    if (errorCode(reason) !== 'channel-lost' || !(await secondTry())) gone.abort(reason);
  };
  if (first.closed.aborted) void onFirstClosed();
  else first.closed.addEventListener('abort', () => void onFirstClosed(), { once: true });

  const reopened: Channel & { path: ChannelPath } = {
    remote: first.remote,
    path: first.path,
    closed: gone.signal,
    async send(message, options) {
      // No await unless necessary: recording a message and sending it on the first channel must happen in one turn.
      if (trying) await trying;
      const { channel } = current;
      const pending = unanswered;
      pending?.push(message);
      if (pending && sizeBytes(pending) > limits.frameBytesMax) unanswered = undefined;
      try {
        await channel.send(message, options);
      } catch (error) {
        if (pending && errorCode(error) === 'channel-lost' && channel.closed.aborted && (await secondTry())) return;
        if (unanswered) unanswered = unanswered.filter((one) => one !== message);
        throw error;
      }
    },
    async close() {
      closing = true;
      if (trying) await trying;
      await current.channel.close();
    },
    abort(error) {
      gone.abort(error instanceof TabloomError ? error : channelLost(error));
      current.channel.abort(error);
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const { channel, peek, take } = current;
        try {
          const next = await peek();
          take();
          if (next.done) return;
          unanswered = undefined;
          yield next.value;
        } catch (error) {
          if (channel !== first || !(await secondTry())) throw error;
        }
      }
    },
  };
  return reopened;
}

/** A channel whose next message can be awaited without consuming it. */
export interface PeekableChannel {
  readonly channel: Channel;
  peek(): Promise<IteratorResult<Uint8Array>>;
  take(): void;
}

export function peekable(channel: Channel): PeekableChannel {
  const incoming = channel[Symbol.asyncIterator]();
  let head: Promise<IteratorResult<Uint8Array>> | undefined;
  return {
    channel,
    peek: () => (head ??= incoming.next()),
    take() {
      head = undefined;
    },
  };
}

const sizeBytes = (messages: readonly Uint8Array[]) => messages.reduce((sum, { length }) => sum + length, 0);
