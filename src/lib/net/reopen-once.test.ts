import { expect, test } from 'vitest';
import { createChannelPair, type ChannelPair } from './pair.ts';
import { peekable, reopenOnce } from './reopen-once.ts';
import type { Channel } from './spec.ts';

const message = (number: number) => Uint8Array.of(number);
const pair = (): ChannelPair => createChannelPair({ near: 'a', far: 'b', path: 'direct' });
const broken = new Error('the way is gone');

/** A pooled channel, its replacement, and how often the replacement was requested. */
function setup() {
  const [first, second] = [pair(), pair()];
  let reopened = 0;
  const channel = reopenOnce(peekable(first.near), async () => {
    reopened += 1;
    return second.near;
  });
  return { first, second, channel, reopened: () => reopened };
}

async function read(channel: Channel): Promise<{ readonly numbers: readonly number[]; readonly end: string }> {
  const numbers: number[] = [];
  try {
    for await (const [number] of channel) numbers.push(number!);
    return { numbers, end: 'end' };
  } catch (error) {
    return { numbers, end: (error as { code: string }).code };
  }
}

test('a live channel is used as is', async () => {
  const { first, channel, reopened } = setup();
  await channel.send(message(1));
  await channel.close();
  expect(await read(first.far)).toEqual({ numbers: [1], end: 'end' });
  await first.far.send(message(2));
  await first.far.close();
  expect(await read(channel)).toEqual({ numbers: [2], end: 'end' });
  expect(channel).toMatchObject({ remote: 'b', path: 'direct', closed: { aborted: true } });
  expect(reopened()).toBe(0);
});

test('a channel that died in the pool is replaced transparently', async () => {
  const { first, second, channel, reopened } = setup();
  first.far.abort(broken);
  await channel.send(message(1));
  await channel.send(message(2));
  await second.far.send(message(3));
  await second.far.close();
  expect(await read(channel)).toEqual({ numbers: [3], end: 'end' });
  await channel.close();
  expect(await read(second.far)).toEqual({ numbers: [1, 2], end: 'end' });
  expect(reopened()).toBe(1);
});

test('a channel lost before any reply is replaced, and everything is resent', async () => {
  const { first, second, channel } = setup();
  const reading = read(channel);
  await channel.send(message(1));
  await channel.close();
  first.far.abort(broken);
  expect(await read(second.far)).toEqual({ numbers: [1], end: 'end' });
  await second.far.send(message(2));
  await second.far.close();
  expect(await reading).toEqual({ numbers: [2], end: 'end' });
});

test('a reply that arrived before the loss is read, and the loss is reported', async () => {
  const { first, channel, reopened } = setup();
  await channel.send(message(1));
  await first.far.send(message(2));
  // It has arrived but is still unread.
  await Promise.resolve();
  first.far.abort(broken);
  expect(await read(channel)).toEqual({ numbers: [2], end: 'channel-lost' });
  expect(channel.closed.aborted).toBe(true);
  await expect(channel.send(message(3))).rejects.toMatchObject({ code: 'channel-lost' });
  expect(reopened()).toBe(0);
});

test('a second loss is reported, and so is a failure to reopen', async () => {
  const { first, second, channel } = setup();
  first.far.abort(broken);
  await channel.send(message(1));
  second.far.abort(broken);
  expect(await read(channel)).toEqual({ numbers: [], end: 'channel-lost' });
  expect(channel.closed.aborted).toBe(true);

  const kept = pair();
  const alone = reopenOnce(peekable(kept.near), () => Promise.reject(broken));
  kept.far.abort(broken);
  await Promise.resolve();
  await expect(alone.send(message(1))).rejects.toMatchObject({ code: 'channel-lost' });
  expect(alone.closed.aborted).toBe(true);
});

test('aborting it aborts the current channel without reopening', async () => {
  const { first, channel, reopened } = setup();
  channel.abort(broken);
  expect(await read(first.far)).toEqual({ numbers: [], end: 'channel-lost' });
  expect(await read(channel)).toEqual({ numbers: [], end: 'channel-lost' });
  expect(reopened()).toBe(0);
});

test('a message that is refused outright is not resent', async () => {
  const { first, second, channel } = setup();
  await expect(channel.send(new Uint8Array())).rejects.toMatchObject({ code: 'bad-frame' });
  await channel.send(message(1));
  first.far.abort(broken);
  await second.far.close();
  expect(await read(channel)).toEqual({ numbers: [], end: 'end' });
  await channel.close();
  expect(await read(second.far)).toEqual({ numbers: [1], end: 'end' });
});

test('messages beyond one frame in total are not kept for resending', async () => {
  const { first, channel, reopened } = setup();
  const reading = read(first.far);
  for (const _ of [1, 2]) await channel.send(new Uint8Array(200 * 1024));
  first.far.abort(broken);
  await reading;
  expect(await read(channel)).toEqual({ numbers: [], end: 'channel-lost' });
  expect(reopened()).toBe(0);
});
