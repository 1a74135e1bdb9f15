import { expect, test } from 'vitest';
import {
  breakerLimits,
  closedBreaker,
  createBreakers,
  isParked,
  reduceBreaker,
  type BreakerEvent,
  type BreakerState,
} from './breaker.ts';

const run = (events: readonly (readonly [BreakerEvent, number])[], from: BreakerState = closedBreaker) =>
  events.reduce((state, [event, at]) => reduceBreaker(state, event, at), from);

test('three failures within the window park for 15 s', () => {
  const two = run([
    ['failed', 0],
    ['failed', 30_000],
  ]);
  expect(isParked(two, 30_000)).toBe(false);
  const three = reduceBreaker(two, 'failed', 59_999);
  expect(three).toEqual({ type: 'parked', until: 74_999 });
  expect(isParked(three, 74_998)).toBe(true);
  expect(isParked(three, 74_999)).toBe(false);
});

test('failures that lie a minute apart do not add up', () => {
  const state = run([
    ['failed', 0],
    ['failed', 59_000],
    ['failed', 60_000],
  ]);
  expect(state).toMatchObject({ type: 'closed', failedAt: [59_000, 60_000] });
});

test('A7: refusals are no failures: others come first for a while, longer for each in a row, and a finished job forgives', () => {
  const at = (times: readonly number[]) => run(times.map((time) => ['refused', time] as const));
  const until = (state: BreakerState) => (state.type === 'closed' ? state.restsUntil : 0);
  expect(until(at([0]))).toBe(500);
  expect(until(at([0, 1_000, 3_000]))).toBe(5_000);
  expect(until(at(Array.from({ length: 40 }, (_, i) => i)))).toBe(39 + 15_000);
  expect([isParked(at([0]), 499), isParked(at([0]), 500)]).toEqual([true, false]);
  const forgiven = run([
    ['failed', 0],
    ['failed', 1],
    ['refused', 1],
    ['finished', 2],
    ['failed', 3],
  ]);
  expect(forgiven).toEqual({ ...closedBreaker, failedAt: [3] });
});

test('what the asker ended itself changes nothing, but that a probe is over', () => {
  const failed = run([['failed', 0]]);
  expect(reduceBreaker(failed, 'unjudged', 1)).toBe(failed);
  const parked: BreakerState = { type: 'parked', until: 100 };
  expect(reduceBreaker(parked, 'unjudged', 1)).toBe(parked);
  expect(reduceBreaker({ type: 'probing', until: 100 }, 'unjudged', 1)).toBe(closedBreaker);
});

test('one that is asked while it is parked, since there is no other, stays parked when it refuses', () => {
  const parked: BreakerState = { type: 'parked', until: 100 };
  expect(reduceBreaker(parked, 'refused', 50)).toBe(parked);
});

test('after the park one probe goes through, and only one', () => {
  const parked: BreakerState = { type: 'parked', until: 100 };
  expect(reduceBreaker(parked, 'chosen', 99)).toBe(parked);
  const probing = reduceBreaker(parked, 'chosen', 100);
  expect(isParked(probing, 101)).toBe(true);
  expect(isParked(probing, 100 + breakerLimits.probeMs)).toBe(false);
  expect(reduceBreaker(probing, 'finished', 200)).toBe(closedBreaker);
  expect(reduceBreaker(probing, 'refused', 200)).toMatchObject({ type: 'closed', restsUntil: 700 });
  expect(reduceBreaker(probing, 'failed', 200)).toEqual({ type: 'parked', until: 15_200 });
});

test('each worker has its own, and their number is bounded', () => {
  const breakers = createBreakers();
  for (let i = 0; i < 3; i++) breakers.record('A', 'failed', i);
  expect(breakers.isParked('A', 3)).toBe(true);
  expect(breakers.isParked('B', 3)).toBe(false);
  for (let i = 0; i < breakerLimits.keptMax; i++) breakers.record(`peer ${i}`, 'failed', 4);
  expect(breakers.isParked('A', 5)).toBe(false);
});
