import type {
  MultiaddrConnection,
  Stream,
  StreamMuxer,
  StreamMuxerFactory,
  Upgrader,
  UpgraderWithoutEncryptionOptions,
} from '@libp2p/interface';
import { TabloomError } from '#lib/base/errors.ts';
import { overriding } from './overriding.ts';

/**
 * The streams of `@libp2p/webrtc` 6.0 send the length of each message as a data channel message of its own, and read through
 * an async generator and a queue. A frame of 60 bytes then costs two packets, two events and a dozen promises. Here a message
 * and its length go together, as other implementations send them, and what arrives is decoded in the same turn. What is on
 * the wire stays one sequence of length-prefixed protobuf messages, split anywhere, of which the specification
 * (libp2p/specs, webrtc/README.md) allows 16 KiB each.
 */
export function joinDataChannels<T extends Upgrader>(upgrader: T): T {
  const joined = (options: Options): Options => ({
    ...options,
    ...(options.muxerFactory && { muxerFactory: joinedFactory(options.muxerFactory) }),
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

const joinedFactory = (factory: StreamMuxerFactory): StreamMuxerFactory =>
  overriding(factory, 'createStreamMuxer', () => (connection) => {
    const muxer = factory.createStreamMuxer(connection) as Muxer;
    const { createStream, onRemoteStream } = muxer;
    return Object.assign(muxer, {
      createStream: async (...options: Parameters<typeof createStream>) =>
        joinMessages(await createStream.apply(muxer, options)),
      onRemoteStream: (stream: Stream) => onRemoteStream.call(muxer, joinMessages(stream)),
    });
  });

/** To be called before anything has arrived on it. */
export function joinMessages(stream: Stream): Stream {
  const joined = stream as DataChannelStream;
  const { channel, incomingData, _sendMessage: sendEach, send: sendQueued } = joined;
  /** Returns whether more can be sent. */
  const transmit = (data: Uint8Array): boolean => {
    try {
      channel.send(encodeData(data) as Uint8Array<ArrayBuffer>);
    } catch (error) {
      stream.abort(error as Error);
    }
    return channel.bufferedAmount < joined.maxBufferedAmount;
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
    _sendMessage: (message: Bytes) => sendEach.call(joined, [message.subarray()]),
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

/** The field `bytes message = 2` of a stream's protobuf message. */
const dataTag = 0x12;

/** A message that only carries data, with its length before it. */
export function encodeData(data: Uint8Array): Uint8Array {
  const bodyBytes = 1 + numberBytes(data.length) + data.length;
  const bytes = new Uint8Array(numberBytes(bodyBytes) + bodyBytes);
  let at = putNumber(bytes, 0, bodyBytes);
  bytes[at++] = dataTag;
  at = putNumber(bytes, at, data.length);
  bytes.set(data, at);
  return bytes;
}

/** The data of a message that carries nothing else; undefined for any other, which is left to the library. */
function dataIn(message: Uint8Array): Uint8Array | undefined {
  if (message[0] !== dataTag) return undefined;
  const length = readNumber(message, 1);
  return length && length.end + length.value === message.length ? message.subarray(length.end) : undefined;
}

interface MessageDecoder {
  /**
   * Consumes the next bytes, split anywhere, and passes each complete message on. A message within one piece is no copy.
   * @throws `bad-frame` for a message above the limit, before it is buffered.
   */
  push(bytes: Uint8Array): void;
}

/** Four times what the specification allows. */
const messageBytesMax = 64 * 1024;
const numberBytesMax = 3;

export function createMessageDecoder(onMessage: (message: Uint8Array) => void): MessageDecoder {
  /** A message of which a part is still to come, or the beginning of its length. */
  let message: Uint8Array | undefined;
  let filled = 0;
  let head: Uint8Array = new Uint8Array(0);

  const push = (bytes: Uint8Array): void => {
    let at = 0;
    if (message) {
      const part = bytes.subarray(0, message.length - filled);
      message.set(part, filled);
      filled += part.length;
      at = part.length;
      if (filled < message.length) return;
      const whole = message;
      message = undefined;
      onMessage(whole);
    }
    while (at < bytes.length) {
      const length = readNumber(bytes, at);
      if (!length && bytes.length - at >= numberBytesMax) throw tooLarge();
      if (!length) {
        head = bytes.slice(at);
        return;
      }
      if (length.value > messageBytesMax) throw tooLarge();
      at = length.end + length.value;
      if (at > bytes.length) {
        message = new Uint8Array(length.value);
        message.set(bytes.subarray(length.end));
        filled = bytes.length - length.end;
        return;
      }
      onMessage(bytes.subarray(length.end, at));
    }
  };
  return {
    push(bytes) {
      if (head.length === 0) return push(bytes);
      const joined = new Uint8Array(head.length + bytes.length);
      joined.set(head);
      joined.set(bytes, head.length);
      head = new Uint8Array(0);
      push(joined);
    },
  };
}

const tooLarge = () => new TabloomError('bad-frame', 'A message on a data channel is larger than 64 KiB.');

const numberBytes = (value: number): number => (value < 0x80 ? 1 : value < 0x4000 ? 2 : 3);

/** An unsigned varint below 2^21. */
function putNumber(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}

/** Undefined if it does not end within three bytes, or within what there is. */
function readNumber(bytes: Uint8Array, from: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < numberBytesMax && from + i < bytes.length; i++) {
    const byte = bytes[from + i]!;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value, end: from + i + 1 };
  }
  return undefined;
}
