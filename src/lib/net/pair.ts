import { raceSignal, throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { channelLost, emptyMessage, frameTooLarge } from './errors.ts';
import { createInbox } from './inbox.ts';
import type { Channel, ChannelPath, Handed, ValueLane } from './spec.ts';

/** Two ends of a channel inside one process: used for loopback in every net and by the memory network. */
export interface ChannelPair {
  /** The opener's end. */
  readonly near: PairEnd;
  readonly far: PairEnd;
}

export interface PairEnd extends Channel {
  /** Ends this side as if the transport had died. */
  lose(): void;
}

/** Transports `sizeBytes` to the other side and calls `arrive` there, in call order. */
export type Link = (sizeBytes: number, arrive: () => void) => void;

export interface PairInput {
  readonly near: PeerId;
  readonly far: PeerId;
  readonly path: ChannelPath;
  /** Multiaddrs that each side shows the other; none by default. */
  readonly nearAddress?: string | undefined;
  readonly farAddress?: string | undefined;
  /** Bytes in flight or unread in one direction before `send` waits; one message always fits. */
  readonly windowBytes?: number;
  /** Whether values may be handed over besides bytes; never on a pair that stands for a network. */
  readonly handsValues?: boolean | undefined;
  readonly toFar?: Link;
  readonly toNear?: Link;
}

/** One for all: it is built on every channel's end, and its stack says nothing. */
const closedByBoth = new TabloomError('channel-closed', 'Both sides have closed the channel.');

const handed = Promise.resolve();

const atOnce: Link = (_sizeBytes, arrive) => queueMicrotask(arrive);

export function createChannelPair(input: PairInput): ChannelPair {
  const windowBytes = input.windowBytes ?? limits.frameBytesMax;
  const { path, nearAddress, farAddress, toFar = atOnce, toNear = atOnce } = input;
  const limit = { windowBytes, handsValues: input.handsValues ?? false };
  const near: End = createEnd({ remote: input.far, address: farAddress, path }, limit, toFar, () => far);
  const far: End = createEnd({ remote: input.near, address: nearAddress, path }, limit, toNear, () => near);
  return { near, far };
}

type Message = Uint8Array | Handed;

interface End extends PairEnd {
  receive(message: Message): void;
  receiveEnd(): void;
  /** To be called when the other side has read some of what this one sent. */
  acknowledge(): void;
  unreadBytes(): number;
}

function createEnd(
  seen: Pick<Channel, 'remote' | 'address' | 'path'>,
  { windowBytes, handsValues }: { readonly windowBytes: number; readonly handsValues: boolean },
  carry: Link,
  other: () => End,
): End {
  const gone = new AbortController();
  const inbox = createInbox<Message>(() => other().acknowledge());
  let sendEnded = false;
  let readEnded = false;
  let underwayBytes = 0;
  let failure: Error | undefined;
  const sending = createMutex();
  let freed: (() => void) | undefined;

  const settle = (error?: Error) => {
    failure ??= error;
    if (error) inbox.fail(error);
    freed?.();
    gone.abort(error ?? closedByBoth);
  };
  const assertOpen = () => {
    if (failure) throw failure;
    if (sendEnded) throw channelLost();
  };
  const hasRoom = (sizeBytes: number) => {
    const ahead = underwayBytes + other().unreadBytes();
    return ahead === 0 || ahead + sizeBytes <= windowBytes;
  };
  const hand = (message: Message) => {
    underwayBytes += message.length;
    const copy = message instanceof Uint8Array ? message.slice() : message;
    carry(message.length, () => {
      underwayBytes -= copy.length;
      other().receive(copy);
    });
  };
  const transmit = async (message: Message, signal: AbortSignal | undefined) => {
    throwIfAborted(signal);
    assertOpen();
    while (!hasRoom(message.length)) {
      await raceSignal(
        new Promise<void>((resolve) => {
          freed = resolve;
        }),
        signal,
      );
      assertOpen();
    }
    hand(message);
  };

  // Not an async function: what is handed over at once, as nearly all is, makes no promise.
  const send = (message: Message, { signal }: AbortOptions = {}): Promise<void> | undefined => {
    try {
      if (message.length > limits.frameBytesMax) throw frameTooLarge(message.length);
      if (message.length === 0) throw emptyMessage();
      // Nothing is waited for: no queue, no listener.
      if (sending.pending === 0 && hasRoom(message.length)) {
        throwIfAborted(signal);
        assertOpen();
        hand(message);
        return undefined;
      }
    } catch (error) {
      return Promise.reject(error);
    }
    return raceSignal(
      sending.run(() => transmit(message, signal)),
      signal,
    );
  };
  const values: ValueLane | undefined = handsValues
    ? { send, [Symbol.asyncIterator]: () => inbox[Symbol.asyncIterator]() }
    : undefined;

  return {
    ...seen,
    closed: gone.signal,
    send: (message, options) => send(message, options) ?? handed,
    values,
    close: () =>
      sending.run(async () => {
        if (sendEnded || failure) return;
        sendEnded = true;
        carry(0, () => other().receiveEnd());
        if (readEnded) settle();
      }),
    abort(error) {
      if (gone.signal.aborted) return;
      inbox.drop();
      settle(error instanceof TabloomError ? error : channelLost(error));
      carry(0, () => other().lose());
    },
    lose() {
      if (!gone.signal.aborted) settle(channelLost());
    },
    receive(message) {
      if (failure) return;
      inbox.push(message);
    },
    receiveEnd() {
      if (failure) return;
      readEnded = true;
      inbox.end();
      if (sendEnded) settle();
    },
    acknowledge() {
      freed?.();
    },
    unreadBytes: () => inbox.bufferedBytes,
    // Only bytes were sent where the other side reads here.
    [Symbol.asyncIterator]: () => inbox[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>,
  };
}
