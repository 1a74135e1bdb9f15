import { expect, test } from 'vitest';
import { z } from 'zod';
import { errorCode } from '#lib/base/errors.ts';
import { readOwnRelay } from './read-own-relay.ts';

const unread = { code: 'net-offline', message: 'Try again later.' };
const schema = z.object({ data: z.array(z.number()) });
const answering = (response: () => Response) => (async () => response()) as typeof globalThis.fetch;
const read = (fetch: typeof globalThis.fetch, signal?: AbortSignal) =>
  readOwnRelay(fetch, '/v1/prices', schema, unread, { signal });

test('an answer has its form; a path that the relay does not know has none, whatever stands there', async () => {
  expect(await read(answering(() => Response.json({ data: [1] })))).toEqual({ data: [1] });
  expect(await read(answering(() => new Response('<!doctype html>', { status: 404 })))).toBeUndefined();
});

test('what has another form, or no end, is said with the code that belongs to it', async () => {
  const endless = () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(65_536).fill(32)) }));
  for (const response of [() => Response.json({ data: ['1'] }), () => new Response('{'), endless])
    expect(await read(answering(response)).catch(errorCode)).toBe('net-offline');
});

test('whoever leaves is told that it was stopped', async () => {
  const hanging: typeof globalThis.fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason));
    });
  const left = new AbortController();
  const reading = read(hanging, left.signal).catch(errorCode);
  left.abort();
  expect(await reading).toBe('aborted');
});
