import { expect, test } from 'vitest';
import type { JobEvent } from '../spec.ts';
import { createEventQueue } from './event-queue.ts';

const text = (content: string, at = 1): JobEvent => ({
  type: 'part-received',
  at,
  part: { type: 'text-delta', text: content, tokens: 1 },
});
const scene = () => {
  const calls: string[] = [];
  const queue = createEventQueue({ onDrain: () => calls.push('drained'), onAbandon: () => calls.push('abandoned') });
  return { calls, queue, reader: queue[Symbol.asyncIterator]() };
};

test('who keeps up reads event by event; who does not reads gathered text as one', async () => {
  const { queue, reader } = scene();
  queue.push(text('a'));
  expect((await reader.next()).value).toEqual(text('a'));
  queue.push(text('b'));
  queue.push(text('c', 2));
  queue.push({ type: 'job-cancelled', at: 3 });
  queue.end();
  expect((await reader.next()).value).toEqual({
    type: 'part-received',
    at: 2,
    part: { type: 'text-delta', text: 'bc', tokens: 2 },
  });
  expect((await reader.next()).value).toEqual({ type: 'job-cancelled', at: 3 });
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test('it is full past its limit, keeps everything, and tells when it is empty again', async () => {
  const { calls, queue, reader } = scene();
  for (let i = 0; i < 70; i++) queue.push(text('x'.repeat(1_000)));
  expect(queue.isFull).toBe(true);
  const { value } = await reader.next();
  expect(value).toMatchObject({ part: { tokens: 70 } });
  expect([queue.isFull, calls]).toEqual([false, ['drained']]);
});

test('a reader that leaves is reported once, one that reads to the end never', async () => {
  const left = scene();
  await left.reader.return?.();
  await left.reader.return?.();
  expect(left.calls).toEqual(['abandoned']);
  const stayed = scene();
  stayed.queue.end();
  await stayed.reader.next();
  await stayed.reader.return?.();
  expect(stayed.calls).toEqual([]);
});

test('a reader that waits wakes for the next event', async () => {
  const { queue, reader } = scene();
  const next = reader.next();
  queue.push(text('a'));
  expect((await next).value).toEqual(text('a'));
});
