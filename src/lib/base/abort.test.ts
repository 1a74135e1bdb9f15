import { expect, test } from 'vitest';
import { abortError, anySignal, joinSignals, raceSignal, throwIfAborted } from './abort.ts';
import { TabloomError } from './errors.ts';

const aborted = expect.objectContaining({ code: 'aborted' });
const reason = new TabloomError('deadline', 'Too late.');

test('a coded reason is kept, any other becomes the cause of `aborted`', () => {
  expect(abortError(AbortSignal.abort(reason))).toBe(reason);
  const other = abortError(AbortSignal.abort('because'));
  expect(other).toMatchObject({ code: 'aborted', cause: 'because' });
});

test('throws only for a signal that is there and has been aborted', () => {
  expect(() => throwIfAborted(undefined)).not.toThrow();
  expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
  expect(() => throwIfAborted(AbortSignal.abort())).toThrow(aborted);
});

test('any of several signals aborts the one; missing ones are skipped', () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const any = anySignal([a.signal, undefined, b.signal]);
  expect(any.aborted).toBe(false);
  b.abort(reason);
  expect(any.reason).toBe(reason);
  expect(anySignal([]).aborted).toBe(false);
});

test('joined signals abort with the reason of the first, and not any more once they are released', () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const joined = joinSignals([a.signal, b.signal]);
  b.abort(reason);
  a.abort(new Error('later'));
  expect(joined.signal.reason).toBe(reason);
  expect(joinSignals([new AbortController().signal, b.signal]).signal.reason).toBe(reason);
  const c = new AbortController();
  const released = joinSignals([c.signal]);
  released.release();
  c.abort(reason);
  expect(released.signal.aborted).toBe(false);
});

test('a race is won by whichever settles first', async () => {
  const controller = new AbortController();
  await expect(raceSignal(Promise.resolve(1), controller.signal)).resolves.toBe(1);
  await expect(raceSignal(Promise.reject(reason), controller.signal)).rejects.toBe(reason);
  const pending = raceSignal(new Promise(() => undefined), controller.signal);
  controller.abort(reason);
  await expect(pending).rejects.toBe(reason);
  await expect(raceSignal(Promise.resolve(1), undefined)).resolves.toBe(1);
});

test('a race that is lost before it began leaves no unhandled rejection', async () => {
  await expect(raceSignal(Promise.reject(new Error('late')), AbortSignal.abort(reason))).rejects.toBe(reason);
});
