import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { initialAsker } from './asker.ts';
import type { Current } from './asker-spec.ts';
import { excuse, heardFrom, listenAgain, overdueError, waitAfter, waitAfterWord } from './asker-waits.ts';

const waiting: Current = {
  attempt: 1,
  hedgeAfterMs: undefined,
  job: {} as Current['job'],
  worker: {} as Current['worker'],
  firstPartTimeoutMs: 30_000,
  stallTimeoutMs: 9_000,
  doubt: { queueMsMax: 15_000, empty: 'accept' },
  parts: [],
  dataBytesMax: 0,
  wasStopped: false,
  account: undefined,
  acceptedFrames: 0,
  checkpoints: 0,
  tokens: 0,
  dataBytes: 0,
  unknownFrames: 0,
  hasSlot: false,
  hasSpoken: false,
  spokeAt: 0,
  isExcused: false,
};
const speaking: Current = { ...waiting, acceptedFrames: 1, hasSlot: true, hasSpoken: true, spokeAt: 5_000 };
const stateOf = (current: Current) => ({ ...initialAsker, current });

test('an overdue worker is lost, for a reason of its own', () => {
  expect(overdueError('stall')).toMatchObject({ code: 'peer-lost', details: { reason: 'halted' } });
  expect(overdueError('first-word').message).not.toBe(overdueError('silence').message);
});

test('a queue is believed for twice what it promised, within bounds, and only where others could do the job', () => {
  const queueMs = (etaMs: number, current = waiting) => waitAfter({ position: 1, etaMs }, current, current);
  expect(queueMs(5_000)).toEqual([{ type: 'arm', timer: 'queue', ms: 10_000 }]);
  expect(queueMs(10)).toEqual([{ type: 'arm', timer: 'queue', ms: 6_000 }]);
  expect(queueMs(60_000)).toEqual([{ type: 'arm', timer: 'queue', ms: 15_000 }]);
  expect(queueMs(5_000, { ...waiting, doubt: undefined })).toEqual([]);
  // A second promise does not extend the first one.
  expect(queueMs(5_000, { ...waiting, acceptedFrames: 1 })).toEqual([]);
});

test('the wait for the first word starts with the slot, once', () => {
  const first = { type: 'arm', timer: 'first-word', ms: 30_000 };
  const running = { ...waiting, acceptedFrames: 1, hasSlot: true };
  expect(waitAfter({ position: 0, etaMs: 0 }, waiting, running)).toContainEqual(first);
  expect(waitAfter({ position: 0, etaMs: 0 }, running, running)).toEqual([]);
});

test('each word starts the wait for the next one; the first ends the wait for itself', () => {
  const next = { type: 'arm', timer: 'stall', ms: 9_000 };
  expect(waitAfterWord(speaking, true)).toEqual([next]);
  expect(waitAfterWord(waiting, true)).toEqual([
    { type: 'disarm', timer: 'first-word' },
    { type: 'disarm', timer: 'queue' },
    next,
  ]);
  expect(waitAfterWord(speaking, false)).toEqual([]);
});

test('work that yields no output gets the time of a first word, from the last word on, once', () => {
  expect(excuse(speaking, 'thinking', 7_000)).toEqual({ type: 'arm', timer: 'stall', ms: 28_000 });
  expect(excuse(speaking, 'thinking', 99_000)).toMatchObject({ ms: 0 });
  expect(excuse(speaking, 'streaming', 7_000)).toBeUndefined();
  expect(excuse(speaking, undefined, 7_000)).toBeUndefined();
  expect(excuse({ ...speaking, isExcused: true }, 'thinking', 7_000)).toBeUndefined();
  expect(excuse({ ...speaking, hasSpoken: false }, 'prefill', 7_000)).toBeUndefined();
});

test('any frame starts the silence anew, but not while the job is stopped or the reader is behind', () => {
  const silence = { type: 'arm', timer: 'silence', ms: limits.silenceTimeoutMs };
  expect(heardFrom(stateOf(waiting))).toEqual([{ type: 'disarm', timer: 'accept' }, silence]);
  expect(heardFrom(stateOf(speaking))).toEqual([silence]);
  expect(heardFrom(stateOf(speaking), 'sign-of-life')).toEqual([silence]);
  expect(heardFrom(stateOf(waiting), 'sign-of-life')).toEqual([]);
  expect(heardFrom({ ...stateOf(speaking), isPaused: true })).toEqual([]);
  expect(heardFrom({ ...stateOf(speaking), isStopping: true })).toEqual([]);
});

test('a reader that has caught up waits for what the attempt had come to', () => {
  const timersOf = (current: Current) =>
    listenAgain(stateOf(current)).map((effect) => 'timer' in effect && effect.timer);
  expect(timersOf(waiting)).toEqual([]);
  expect(timersOf({ ...waiting, acceptedFrames: 1 })).toEqual(['silence']);
  expect(timersOf({ ...waiting, acceptedFrames: 1, hasSlot: true })).toEqual(['silence', 'first-word']);
  expect(timersOf(speaking)).toEqual(['silence', 'stall']);
});
