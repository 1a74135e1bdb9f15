import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { readIncoming } from './read-incoming.ts';

const textOf = ({ value }: IteratorResult<Uint8Array>) => Buffer.from(value as Uint8Array).toString();

test('what has come since the last read is one piece, and the end comes once', async () => {
  const source = new PassThrough();
  const onOver = vi.fn();
  const body = readIncoming(source, onOver);
  source.write('a');
  source.write('b');
  expect(textOf(await body.next())).toBe('ab');
  const next = body.next();
  source.end('c');
  expect(textOf(await next)).toBe('c');
  expect(await body.next()).toEqual({ done: true, value: undefined });
  await body.return!();
  expect(onOver).toHaveBeenCalledOnce();
});

test.each([
  ['with an error', new Error('reset')],
  ['without one', undefined],
])('a connection that is closed %s fails the read that waits', async (_, error) => {
  const source = new PassThrough();
  const body = readIncoming(source);
  const next = body.next();
  source.destroy(error);
  await expect(next).rejects.toThrow(error?.message ?? 'closed before the end');
  expect((await body.next()).done).toBe(true);
});

test('a reader that leaves is told of at once', async () => {
  const onOver = vi.fn();
  const body = readIncoming(new PassThrough(), onOver);
  await body.return!();
  expect(onOver).toHaveBeenCalledOnce();
  expect((await body.next()).done).toBe(true);
});
