import { expect, test } from 'vitest';
import { createInbox } from './inbox.ts';

const message = (byte: number) => Uint8Array.of(byte);

test('leaving a loop loses nothing, and a second loop continues', async () => {
  const inbox = createInbox();
  for (const byte of [1, 2, 3]) inbox.push(message(byte));
  inbox.end();
  for await (const first of inbox) {
    expect(first).toEqual(message(1));
    break;
  }
  const rest: Uint8Array[] = [];
  for await (const next of inbox) rest.push(next);
  expect(rest).toEqual([message(2), message(3)]);
});

test('a failure is delivered after the messages that preceded it', async () => {
  const inbox = createInbox();
  inbox.push(message(1));
  inbox.fail(new Error('gone'));
  const read: Uint8Array[] = [];
  await expect(
    (async () => {
      for await (const next of inbox) read.push(next);
    })(),
  ).rejects.toThrow('gone');
  expect(read).toEqual([message(1)]);
});

test('the first outcome counts, and nothing is accepted after it', async () => {
  const inbox = createInbox();
  inbox.end();
  inbox.fail(new Error('late'));
  inbox.push(message(1));
  expect(inbox.bufferedBytes).toBe(0);
  for await (const _ of inbox) throw new Error('nothing was expected');
});

test('reading reports the bytes still buffered', async () => {
  const left: number[] = [];
  const inbox = createInbox((bytes) => left.push(bytes));
  inbox.push(new Uint8Array(10));
  inbox.push(new Uint8Array(5));
  inbox.end();
  for await (const _ of inbox);
  expect(left).toEqual([5, 0]);
});
