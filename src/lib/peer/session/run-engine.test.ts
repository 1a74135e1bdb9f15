import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { EngineEvent, LoadedModel } from '#lib/engine/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { Part } from '#lib/protocol/part.ts';
import { job } from '../peer.fixture.ts';
import { runEngine } from './run-engine.ts';

const word = (text: string) => ({ type: 'text-delta', text, tokens: 1 }) as const;
const finish = { type: 'finish', reason: 'stop', usage: { tokensIn: 3, tokensOut: 2 } } as EngineEvent;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Runs what `events` makes; it is told the engine's own signal. */
function start(events: (signal: AbortSignal) => AsyncIterable<EngineEvent>, room?: () => Promise<void> | undefined) {
  const stopping = new AbortController();
  const parts: Part[] = [];
  const model = {
    doStream: (_: unknown, { signal }: { signal: AbortSignal }) => events(signal),
  } as unknown as LoadedModel;
  const deliver = (part: Part) => {
    parts.push(part);
    return room?.();
  };
  const run = runEngine(job(), model, { clock: manualClock(), blobs: new Map(), deliver, signal: stopping.signal });
  run.catch(() => undefined);
  return { run, parts, stop: (code: 'cancelled' | 'deadline') => stopping.abort(wireError(code)) };
}

test('what the engine makes is delivered in order, and what was delivered is billed', async () => {
  const { run, parts } = start(async function* () {
    yield word('one');
    yield word(' two');
    yield finish;
  });
  expect(await run).toMatchObject({ reason: 'stop', usage: { tokensIn: 3, tokensOut: 2 } });
  expect(parts).toEqual([word('one'), word(' two')]);
});

test('the engine is not pulled while there is no room', async () => {
  const rooms = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let asked = 0;
  const { run, parts } = start(
    async function* () {
      for (const text of ['one', ' two']) yield word(text);
      yield finish;
    },
    () => rooms[asked++]!.promise,
  );
  await turn();
  expect(parts).toHaveLength(1);
  rooms[0]!.resolve();
  await turn();
  expect(parts).toHaveLength(2);
  rooms[1]!.resolve();
  expect((await run).reason).toBe('stop');
});

test.each([
  ['cancelled', 'cancelled'],
  ['deadline', undefined],
] as const)('an engine that hangs is left at once when it is stopped: %s', async (code, reason) => {
  let late: ((event: IteratorResult<EngineEvent>) => void) | undefined;
  let engine: AbortSignal | undefined;
  let left = false;
  const events: AsyncIterator<EngineEvent> = {
    next: () => new Promise((resolve) => (late = resolve)),
    return: async () => {
      left = true;
      return { done: true, value: undefined };
    },
  };
  const { run, parts, stop } = start((signal) => {
    engine = signal;
    return { [Symbol.asyncIterator]: () => events };
  });
  stop(code);
  if (reason) expect(await run).toMatchObject({ reason, usage: { tokensOut: 0 } });
  else await expect(run).rejects.toMatchObject({ code });
  expect([engine?.aborted, left]).toEqual([true, true]);
  late?.({ done: false, value: word('late') });
  await turn();
  expect(parts).toEqual([]);
});

test('an engine that fails while there is no room, or ends without a result, is one that failed', async () => {
  const failing = start(
    async function* () {
      yield word('one');
      throw new Error('secret');
    },
    () => Promise.reject(new Error('no room')),
  );
  const ending = start(async function* () {
    yield word('one');
  });
  for (const { run } of [failing, ending]) await expect(run).rejects.toMatchObject({ code: 'engine-failed' });
});
