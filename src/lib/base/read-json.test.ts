import { expect, test } from 'vitest';
import { readBody } from './read-json.ts';

test('a body is read whole, with a letter that two pieces share', async () => {
  const bytes = new TextEncoder().encode('{"a":"é"}');
  const at = bytes.indexOf(0xc3) + 1;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const piece of [bytes.slice(0, at), bytes.slice(at)]) controller.enqueue(piece);
      controller.close();
    },
  });
  expect(await readBody({ body }, 64)).toEqual({ a: 'é' });
});

test('of a body without an end no more is read than the limit and a piece', async () => {
  let [pieces, cancelled] = [0, false];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        pieces += 1;
        controller.enqueue(new Uint8Array(1_000).fill(0x20));
      },
      cancel() {
        cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  await expect(readBody({ body }, 4_096)).rejects.toThrow(SyntaxError);
  expect([pieces, cancelled]).toEqual([5, true]);
});

test('no body and half a body are no JSON', async () => {
  await expect(readBody({ body: null }, 64)).rejects.toThrow(SyntaxError);
  await expect(readBody(new Response('{"a":'), 64)).rejects.toThrow(SyntaxError);
});
