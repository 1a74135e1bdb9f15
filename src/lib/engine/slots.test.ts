import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { createSlots } from './slots.ts';
import type { EngineRequest } from './spec.ts';

const ask = (prompt: string): EngineRequest => ({ kind: 'completion', input: { prompt }, params: { maxTokens: 9 } });

test('closing aborts every answer before waiting for the first', async () => {
  const aborted: string[] = [];
  const letGo = Promise.withResolvers<void>();
  const slots = createSlots(2, async function* (request, signal) {
    const name = request.kind === 'completion' ? request.input.prompt : '';
    signal.addEventListener('abort', () => aborted.push(name));
    yield { type: 'text-delta', text: 'a', tokens: 1 };
    if (name === 'first') await letGo.promise;
    else await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  const streams = ['first', 'second'].map((name) => slots.doStream(ask(name), {})[Symbol.asyncIterator]());
  for (const stream of streams) await stream.next();
  const ends = streams.map((stream) => stream.next().catch(errorCode));
  const closing = slots.close();
  expect(aborted).toEqual(['first', 'second']);
  expect(await ends[1]).toBe('aborted');
  letGo.resolve();
  await closing;
  expect(await ends[0]).toBe('aborted');
  expect(slots.running).toBe(0);
});

test('held work takes a slot, is aborted by closing, and is waited for', async () => {
  const slots = createSlots(1, async function* () {
    yield { type: 'text-delta', text: 'a', tokens: 1 };
  });
  const held = slots.hold(
    (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('left')))),
    undefined,
  );
  const codes = [await slots.hold(async () => 1, undefined).catch(errorCode)];
  codes.push((await slots.doStream(ask('first'), {})[Symbol.asyncIterator]().next().catch(errorCode)) as string);
  const heldCode = held.catch(errorCode);
  await slots.close();
  codes.push((await heldCode) as string, (await slots.hold(async () => 1, undefined).catch(errorCode)) as string);
  expect(codes).toEqual(['busy', 'busy', 'aborted', 'engine-failed']);
});
