import type {
  MultiaddrConnection,
  Stream,
  StreamMuxer,
  StreamMuxerFactory,
  Upgrader,
  UpgraderWithoutEncryptionOptions,
} from '@libp2p/interface';
import { concatBytes } from '#lib/base/bytes.ts';
import { createMessageDecoder, dataIn, encodeData } from './data-messages.ts';
import { overriding } from './overriding.ts';

/**
 * The streams of `@libp2p/webrtc` 6.0 send the length of each message as a data channel message of its own, and read through
 * an async generator and a queue: a frame of 60 bytes costs two packets, two events and a dozen promises. Here a message goes
 * with its length, and with all that its stream sends within a turn; what arrives is decoded at once. What is on the wire stays
 * one sequence of length-prefixed protobuf messages, split anywhere, of which the specification (libp2p/specs,
 * webrtc/README.md) allows 16 KiB each.
 */
export function joinDataChannels<T extends Upgrader>(upgrader: T, atTurnEnd: AtTurnEnd): T {
  const joined = (options: Options): Options => ({
    ...options,
    ...(options.muxerFactory && { muxerFactory: joinedFactory(options.muxerFactory, atTurnEnd) }),
  });
  const outbound = (connection: MultiaddrConnection, options: Options) =>
    upgrader.upgradeOutbound(connection, joined(options));
  const inbound = (connection: MultiaddrConnection, options: Options) =>
    upgrader.upgradeInbound(connection, joined(options));
  return overriding(
    overriding(upgrader, 'upgradeOutbound', () => outbound),
    'upgradeInbound',
    () => inbound,
  );
}

/** Runs it when this turn of the event loop ends, so that what is sent within the turn travels together; or at once. */
export type AtTurnEnd = (run: () => void) => void;

/** WebRTC encrypts by itself, and brings a muxer. */
type Options = UpgraderWithoutEncryptionOptions;

/** Members of the library that are no part of its types. */
interface Muxer extends StreamMuxer {
  onRemoteStream(stream: Stream): void;
}

interface DataChannelStream extends Stream {
  readonly channel: Pick<RTCDataChannel, 'readyState' | 'bufferedAmount' | 'bufferedAmountLowThreshold' | 'send'>;
  readonly incomingData: { readonly readableLength: number; push(bytes: Uint8Array): unknown };
  readonly maxBufferedAmount: number;
  readonly maxMessageSize: number;
  readonly writeBuffer: { readonly byteLength: number };
  readonly sendingData: boolean;
  writableNeedsDrain: boolean;
  sendData(data: Bytes): { readonly sentBytes: number; readonly canSendMore: boolean };
  _sendMessage(message: Bytes | readonly Uint8Array[]): void;
  processIncomingProtobuf(message: Uint8Array): void;
  onData(data: Uint8Array): void;
}

/** Bytes in one piece or several. */
interface Bytes {
  readonly byteLength: number;
  subarray(): Uint8Array;
}

const joinedFactory = (factory: StreamMuxerFactory, atTurnEnd: AtTurnEnd): StreamMuxerFactory =>
  overriding(factory, 'createStreamMuxer', () => (connection) => {
    const muxer = factory.createStreamMuxer(connection) as Muxer;
    const { createStream, onRemoteStream } = muxer;
    return Object.assign(muxer, {
      createStream: async (...options: Parameters<typeof createStream>) =>
        joinMessages(await createStream.apply(muxer, options), atTurnEnd),
      onRemoteStream: (stream: Stream) => onRemoteStream.call(muxer, joinMessages(stream, atTurnEnd)),
    });
  });

/** To be called before anything has arrived on it. */
export function joinMessages(stream: Stream, atTurnEnd: AtTurnEnd): Stream {
  const joined = stream as DataChannelStream;
  const { channel, incomingData, _sendMessage: sendEach, send: sendQueued } = joined;
  /**
   * Messages that go together at the end of this turn. What belongs to the negotiation of the protocol goes before the rest: a
   * stream that ended with its negotiation would be over at the other side before anybody reads it.
   */
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let waitingOf = '';

  const flush = () => {
    if (waitingBytes === 0) return;
    const [first, ...others] = waiting as [Uint8Array, ...Uint8Array[]];
    waiting = [];
    waitingBytes = 0;
    try {
      channel.send((others.length === 0 ? first : concatBytes(first, ...others)) as Uint8Array<ArrayBuffer>);
    } catch (error) {
      stream.abort(error as Error);
    }
  };
  /** Returns whether more can be sent. */
  const transmit = (data: Uint8Array): boolean => {
    const message = encodeData(data);
    if (waitingBytes + message.length > joined.maxMessageSize || waitingOf !== stream.protocol) flush();
    waitingOf = stream.protocol;
    const isFirst = waitingBytes === 0;
    waiting.push(message);
    waitingBytes += message.length;
    if (isFirst) atTurnEnd(flush);
    return channel.bufferedAmount + waitingBytes < joined.maxBufferedAmount;
  };
  /** Whether the library would send these bytes at once, as one message. */
  const isDirect = (bytes: number) =>
    channel.readyState === 'open' &&
    joined.writeStatus === 'writable' &&
    joined.writeBuffer.byteLength === 0 &&
    !joined.sendingData &&
    !joined.writableNeedsDrain &&
    bytes > 0 &&
    bytes <= joined.maxMessageSize;
  Object.assign(joined, {
    // Past the library's queue of lists, which tells after each message that it is empty again.
    send(data: Bytes) {
      if (!isDirect(data.byteLength)) return sendQueued.call(joined, data as Uint8Array);
      const canSendMore = transmit(data.subarray());
      if (!canSendMore) joined.writableNeedsDrain = true;
      return canSendMore;
    },
    sendData(data: Bytes) {
      if (channel.readyState !== 'open') return { sentBytes: 0, canSendMore: false };
      return { sentBytes: data.byteLength, canSendMore: transmit(data.subarray()) };
    },
    // Flags follow the data that was sent before them.
    _sendMessage(message: Bytes) {
      if (waitingOf !== stream.protocol) flush();
      if (waitingBytes === 0) return sendEach.call(joined, [message.subarray()]);
      const before = waiting;
      waiting = [];
      waitingBytes = 0;
      sendEach.call(joined, [concatBytes(...before, message.subarray())]);
    },
  } satisfies Partial<DataChannelStream>);
  // At 0, as the library sets it, each message wakes this process again, to hear that it has left.
  channel.bufferedAmountLowThreshold = joined.maxBufferedAmount / 2;
  // What came before the muxer was there waits in the queue, and what follows has to wait behind it.
  if (incomingData.readableLength > 0) return stream;
  const decoder = createMessageDecoder((message) => {
    const data = dataIn(message);
    if (!data) joined.processIncomingProtobuf(message);
    else if (stream.readStatus === 'readable' || stream.readStatus === 'paused') joined.onData(data);
  });
  incomingData.push = (bytes) => {
    try {
      decoder.push(bytes);
    } catch (error) {
      stream.abort(error as Error);
    }
  };
  return stream;
}
