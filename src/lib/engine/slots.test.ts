import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { createSlots } from './slots.ts';
import type { EngineEvent, EngineRequest } from './spec.ts';

const ask = (prompt: string): EngineRequest => ({ kind: 'completion', input: { prompt }, params: { maxTokens: 9 } });
const piece = { type: 'text-delta', text: 'a', tokens: 1 } as const;
const finish: EngineEvent = {
  type: 'finish',
  reason: 'stop',
  usage: { tokensIn: 1, tokensOut: 1 },
  timings: { ttftMs: 1, decodeMs: 1 },
};

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

test.each<[string, readonly EngineEvent[], readonly string[], string | undefined]>([
  ['goes on after it', [finish, piece], ['finish'], 'engine-failed'],
  ['comes to an end without one', [piece], ['text-delta'], 'engine-failed'],
  ['ends with it', [piece, finish], ['text-delta', 'finish'], undefined],
])('an engine that promises a result and %s', async (_, events, read, code) => {
  const slots = createSlots(1, async function* () {
    yield* events;
  });
  const types: string[] = [];
  const reading = async () => {
    for await (const { type } of slots.doStream(ask('first'), {})) types.push(type);
    return undefined;
  };
  expect(await reading().catch(errorCode)).toBe(code);
  expect(types).toEqual(read);
  expect(slots.running).toBe(0);
});

test('a slot is free when the engine of a reader that left has cleaned up', async () => {
  const cleaned = Promise.withResolvers<void>();
  const slots = createSlots(1, async function* (_request, signal) {
    try {
      yield piece;
    } finally {
      if (signal.aborted) await cleaned.promise;
    }
  });
  const stream = slots.doStream(ask('first'), {})[Symbol.asyncIterator]();
  await stream.next();
  const left = stream.return!();
  await Promise.resolve();
  expect(slots.running).toBe(1);
  cleaned.resolve();
  await left;
  expect(slots.running).toBe(0);
});
