import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { createChannelPair } from './pair.ts';

const ends = { near: 'a', far: 'b', path: 'loopback' } as const;

test('values and bytes arrive in the order in which they were sent, the values themselves, the bytes copied', async () => {
  const { near, far } = createChannelPair({ ...ends, handsValues: true });
  const [bytes, value] = [Uint8Array.of(1, 2), { n: 1 }];
  await near.send(bytes);
  await near.values!.send({ value, length: 8 });
  bytes[0] = 9;
  await near.close();
  const got: unknown[] = [];
  for await (const message of far.values!) got.push(message instanceof Uint8Array ? message : message.value);
  expect(got).toEqual([Uint8Array.of(1, 2), { n: 1 }]);
  expect(got[1]).toBe(value);
});

test('a value counts for its size: it waits for room, and may not exceed a frame', async () => {
  const { near, far } = createChannelPair({ ...ends, windowBytes: 10, handsValues: true });
  await near.values!.send({ value: 'first', length: 8 });
  let sent = false;
  const second = near.values!.send({ value: 'second', length: 8 })!.then(() => (sent = true));
  await Promise.resolve();
  expect(sent).toBe(false);
  const reader = far.values![Symbol.asyncIterator]();
  expect((await reader.next()).value).toMatchObject({ value: 'first' });
  await second;
  const tooLarge = near.values!.send({ value: 'third', length: limits.frameBytesMax + 1 });
  await expect(tooLarge).rejects.toMatchObject({ code: 'frame-too-large' });
  await expect(near.values!.send({ value: 'fourth', length: 0 })).rejects.toMatchObject({ code: 'bad-frame' });
});

test('a channel that is lost takes no more values', async () => {
  const { near, far } = createChannelPair({ ...ends, handsValues: true });
  near.lose();
  await expect(near.values!.send({ value: 1, length: 1 })).rejects.toMatchObject({ code: 'channel-lost' });
  far.lose();
  const reading = far.values![Symbol.asyncIterator]().next();
  await expect(reading).rejects.toMatchObject({ code: 'channel-lost' });
});

test('a pair that stands for a network hands nothing over', () => {
  const { near, far } = createChannelPair({ ...ends, path: 'direct' });
  expect([near.values, far.values]).toEqual([undefined, undefined]);
});
