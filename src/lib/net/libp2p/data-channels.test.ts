import type { Stream } from '@libp2p/interface';
import { expect, test } from 'vitest';
import { concatBytes } from '#lib/base/bytes.ts';
import { joinMessages } from './data-channels.ts';
import { encodeData } from './data-messages.ts';

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

type Change = Readonly<Record<string, unknown>>;

/** A stream of the library, as far as it is touched. */
function fakeStream({ queued = 0, atTurnEnd = (run: () => void) => run() } = {}) {
  const seen = {
    sent: [] as Uint8Array[],
    queuedToSend: [] as Uint8Array[],
    data: [] as Uint8Array[],
    others: [] as Uint8Array[],
    aborted: 0,
    queued,
  };
  const channel = {
    readyState: 'open',
    bufferedAmount: 0,
    bufferedAmountLowThreshold: 0,
    send: (bytes: Uint8Array) => void seen.sent.push(bytes.slice()),
  };
  const flags = {
    // As in the library: one data channel message of each buffer.
    _sendMessage: (message: Iterable<Uint8Array>) => [...message].forEach((bytes) => channel.send(bytes)),
  };
  const stream = Object.assign(flags, {
    channel,
    protocol: '',
    readStatus: 'readable',
    writeStatus: 'writable',
    writableNeedsDrain: false,
    writeBuffer: { byteLength: 0 },
    sendingData: false,
    maxBufferedAmount: 1_000,
    maxMessageSize: 16_376,
    incomingData: { readableLength: queued, push: () => void seen.queued++ },
    send: (data: Uint8Array) => void seen.queuedToSend.push(data.slice()),
    sendData: (_data: Uint8Array) => ({ sentBytes: 0, canSendMore: false }),
    processIncomingProtobuf: (message: Uint8Array) => void seen.others.push(message.slice()),
    onData: (data: Uint8Array) => void seen.data.push(data.slice()),
    abort: () => void seen.aborted++,
  });
  joinMessages(stream as unknown as Stream, atTurnEnd);
  const receive = stream.incomingData.push as (bytes: Uint8Array) => void;
  const { _sendMessage: sendFlag } = stream;
  return { stream, seen, receive, sendFlag };
}

test('data goes as one message of the data channel: its length, the protobuf field, and itself', () => {
  const { stream, seen } = fakeStream();
  expect(stream.sendData(Uint8Array.of(7, 8, 9))).toEqual({ sentBytes: 3, canSendMore: true });
  expect(seen.sent).toEqual([Uint8Array.of(5, 0x12, 3, 7, 8, 9)]);
  stream.channel.bufferedAmount = 1_000;
  expect(stream.sendData(bytesOf(200)).canSendMore).toBe(false);
  expect(seen.sent[1]!.slice(0, 5)).toEqual(Uint8Array.of(0xcb, 0x01, 0x12, 0xc8, 0x01));
});

test('what the library would send at once goes past its queue', () => {
  const { stream, seen } = fakeStream();
  expect(stream.send(Uint8Array.of(7))).toBe(true);
  expect(seen.sent).toEqual([Uint8Array.of(3, 0x12, 1, 7)]);
  stream.channel.bufferedAmount = 1_000;
  expect(stream.send(Uint8Array.of(8))).toBe(false);
  expect(stream.writableNeedsDrain).toBe(true);
  expect(seen).toMatchObject({ sent: { length: 2 }, queuedToSend: [] });
});

test.each([
  ['full', { writableNeedsDrain: true }, 1],
  ['behind others', { writeBuffer: { byteLength: 5 } }, 1],
  ['within another send', { sendingData: true }, 1],
  ['closing', { writeStatus: 'closing' }, 1],
  ['not open yet', { channel: { readyState: 'connecting' } }, 1],
  ['larger than a message', {}, 16_377],
  ['empty', {}, 0],
])('all else goes through its queue: %s', (_case, { channel, ...change }: Change, length) => {
  const { stream, seen } = fakeStream();
  Object.assign(stream, change);
  Object.assign(stream.channel, channel);
  stream.send(bytesOf(length));
  expect(seen).toMatchObject({ sent: [], queuedToSend: [bytesOf(length)] });
});

test('a flag and its length go together too', () => {
  const { seen, sendFlag } = fakeStream();
  const parts = [Uint8Array.of(2), Uint8Array.of(8, 0)];
  sendFlag(Object.assign(parts, { subarray: () => concatBytes(...parts) }));
  expect(seen.sent).toEqual([Uint8Array.of(2, 8, 0)]);
});

test('nothing is sent on a channel that is not open, and one that fails ends the stream', () => {
  const { stream, seen } = fakeStream();
  stream.channel.readyState = 'closing';
  expect(stream.sendData(bytesOf(3))).toEqual({ sentBytes: 0, canSendMore: false });
  stream.channel.readyState = 'open';
  stream.channel.send = () => {
    throw new Error('gone');
  };
  stream.sendData(bytesOf(3));
  expect(seen).toMatchObject({ sent: [], aborted: 1 });
});

function turns() {
  const ends: (() => void)[] = [];
  return { atTurnEnd: (run: () => void) => void ends.push(run), endTurn: () => ends.splice(0).forEach((run) => run()) };
}

test('what is sent in one turn goes together, and each turn by itself', () => {
  const { atTurnEnd, endTurn } = turns();
  const { stream, seen } = fakeStream({ atTurnEnd });
  for (const byte of [7, 8]) stream.send(Uint8Array.of(byte));
  expect(seen.sent).toEqual([]);
  endTurn();
  stream.send(Uint8Array.of(9));
  endTurn();
  expect(seen.sent).toEqual([Uint8Array.of(3, 0x12, 1, 7, 3, 0x12, 1, 8), Uint8Array.of(3, 0x12, 1, 9)]);
});

test('a flag takes what waits with it, and nothing is sent twice', () => {
  const { atTurnEnd, endTurn } = turns();
  const { stream, seen, sendFlag } = fakeStream({ atTurnEnd });
  stream.send(Uint8Array.of(7));
  sendFlag(Object.assign([Uint8Array.of(2, 8, 0)], { subarray: () => Uint8Array.of(2, 8, 0) }));
  endTurn();
  expect(seen.sent).toEqual([Uint8Array.of(3, 0x12, 1, 7, 2, 8, 0)]);
});

test('what was sent before there was a protocol goes by itself', () => {
  const { atTurnEnd, endTurn } = turns();
  const { stream, seen, sendFlag } = fakeStream({ atTurnEnd });
  for (const byte of [1, 2]) stream.send(Uint8Array.of(byte));
  stream.protocol = '/tabloom/job/2';
  stream.send(Uint8Array.of(3));
  sendFlag(Object.assign([Uint8Array.of(2, 8, 0)], { subarray: () => Uint8Array.of(2, 8, 0) }));
  endTurn();
  expect(seen.sent).toEqual([Uint8Array.of(3, 0x12, 1, 1, 3, 0x12, 1, 2), Uint8Array.of(3, 0x12, 1, 3, 2, 8, 0)]);
});

test('what waits is never more than a message, and counts as buffered', () => {
  const { atTurnEnd, endTurn } = turns();
  const { stream, seen } = fakeStream({ atTurnEnd });
  expect(stream.send(bytesOf(900))).toBe(true);
  expect(stream.send(bytesOf(95))).toBe(false);
  stream.writableNeedsDrain = false;
  stream.send(bytesOf(16_000));
  expect(seen.sent.map(({ length }) => length)).toEqual([905 + 98]);
  endTurn();
  expect(seen.sent.map(({ length }) => length)).toEqual([905 + 98, 16_005]);
});

test('a buffer is told of as it runs low only after it was nearly full', () => {
  expect(fakeStream().stream.channel.bufferedAmountLowThreshold).toBe(500);
});

test('data is delivered as it arrives, and any other message is left to the library', () => {
  const { stream, seen, receive } = fakeStream();
  receive(encodeData(bytesOf(300)));
  const finAndData = Uint8Array.of(6, 8, 0, 0x12, 2, 1, 2);
  receive(finAndData);
  stream.readStatus = 'closed';
  receive(encodeData(bytesOf(4)));
  expect(seen).toMatchObject({ data: [bytesOf(300)], others: [finAndData.slice(1)], queued: 0, aborted: 0 });
});

test('what arrived before goes first: the queue stays as it is', () => {
  const { seen, receive } = fakeStream({ queued: 1 });
  receive(encodeData(bytesOf(3)));
  expect(seen).toMatchObject({ queued: 2, data: [] });
});

test('a message that is too large ends the stream before it is buffered', () => {
  for (const head of [Uint8Array.of(0x81, 0x80, 0x04), Uint8Array.of(0x80, 0x80, 0x80, 0x01)]) {
    const { seen, receive } = fakeStream();
    receive(head);
    expect(seen).toMatchObject({ aborted: 1, data: [], others: [] });
  }
});
