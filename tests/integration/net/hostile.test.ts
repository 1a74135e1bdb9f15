import type { Stream } from '@libp2p/interface';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeFrame, endMark } from '#lib/net/framing.ts';
import type { Channel, Net } from '#lib/net/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { RelayNode } from '../../../relay/node/relay.ts';
import { bareNode, type BareNode } from './bare.ts';
import { netAt, relayOn, reserved } from './ground.ts';

/** A net against peers that do not keep to the rules of the stream: each breach ends that channel and nothing else. */
const protocol = '/tabloom/test-hostile/1';
let relay: RelayNode;
let net: Net;
let hostile: BareNode;

beforeAll(async () => {
  relay = relayOn(5_000);
  await relay.start();
  net = netAt(relay, 5_001, { tuning: { streamsPerProtocolMax: 2 } });
  await net.start();
  await reserved(net);
  hostile = await bareNode(relay, 5_002);
});
afterAll(async () => {
  await net.stop();
  await hostile.node.stop();
  await relay.stop();
});

/** Opens a channel whose other side does as told. */
async function against(act: (stream: Stream) => void): Promise<Channel> {
  await hostile.node.handle(protocol, act, { runOnLimitedConnection: true, force: true });
  return net.open(hostile.peer, protocol, { addrs: [hostile.address] });
}

async function read(channel: Channel): Promise<{ messages: number; end: string }> {
  let messages = 0;
  try {
    for await (const _ of channel) messages++;
    return { messages, end: 'end' };
  } catch (error) {
    return { messages, end: (error as { code: string }).code };
  }
}

const message = encodeFrame(Uint8Array.of(1));

test('a stream that ends without the end mark is a loss, after what it had brought', async () => {
  const channel = await against((stream) => {
    stream.send(message);
    stream.close().catch(() => undefined);
  });
  expect(await read(channel)).toEqual({ messages: 1, end: 'channel-lost' });
});

test('a stream with the end mark is an end', async () => {
  const channel = await against((stream) => {
    stream.send(message);
    stream.send(endMark);
  });
  expect(await read(channel)).toEqual({ messages: 1, end: 'end' });
  channel.abort(new Error('done'));
});

test('a length past the limit is refused before its body', async () => {
  const channel = await against((stream) => {
    stream.send(message);
    stream.send(encodeFrame(new Uint8Array(limits.frameBytesMax + 1)).slice(0, 10));
  });
  expect(await read(channel)).toMatchObject({ end: 'frame-too-large' });
  expect(channel.closed.aborted).toBe(true);
});

test('a number that never ends breaks the stream', async () => {
  const channel = await against((stream) => void stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff)));
  expect(await read(channel)).toEqual({ messages: 0, end: 'bad-frame' });
});

test('who sends past twice the window is cut off, and nothing more is kept', async () => {
  const gone = Promise.withResolvers<void>();
  const channel = await against((stream) => {
    const body = encodeFrame(new Uint8Array(limits.frameBytesMax));
    stream.addEventListener('close', () => gone.resolve());
    for (let i = 0; i < 5; i++) stream.send(body);
  });
  await gone.promise;
  expect(channel.closed.aborted).toBe(true);
  expect(await read(channel)).toEqual({ messages: 0, end: 'bad-frame' });
});

test('an asker that opens too many streams is refused the last ones only', async () => {
  const open = await Promise.all([0, 1].map(() => hold()));
  const third = await hold();
  await expect.poll(() => third.status).not.toBe('open');
  expect(open.map(({ status }) => status)).toEqual(['open', 'open']);
  for (const stream of open) stream.abort(new Error('done'));
});

async function hold(): Promise<Stream> {
  net.handle(protocol, async (channel) => {
    for await (const _ of channel) continue;
  });
  const connection = hostile.node.getConnections().find(({ remotePeer }) => remotePeer.toString() === net.self)!;
  const stream = await connection.newStream(protocol, { runOnLimitedConnection: true });
  stream.addEventListener('message', () => undefined);
  return stream;
}
