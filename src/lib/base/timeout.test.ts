import { expect, test, vi } from 'vitest';
import { manualClock } from './clock.fixture.ts';
import type { Clock } from './clock.ts';
import { TabloomError } from './errors.ts';
import { startDeadline, withTimeout } from './timeout.ts';

/** A clock that counts the delays which still wait. */
function countingClock() {
  const clock = manualClock();
  const pending = new Set<Promise<void>>();
  const delay: Clock['delay'] = (ms, options) => {
    const delayed = clock.delay(ms, options);
    pending.add(delayed);
    delayed.then(
      () => pending.delete(delayed),
      () => pending.delete(delayed),
    );
    return delayed;
  };
  return { ...clock, delay, pending };
}

test('a deadline aborts with its code when the time is up, and not before', async () => {
  const clock = manualClock();
  const { signal } = startDeadline(clock, 100);
  await clock.advance(99);
  expect(signal.aborted).toBe(false);
  await clock.advance(1);
  expect(signal.reason).toMatchObject({ code: 'timeout' });
});

test('a deadline aborts with the other signal, for its reason', () => {
  const other = new AbortController();
  const { signal } = startDeadline(manualClock(), 100, { signal: other.signal });
  other.abort(new TabloomError('cancelled', 'Stopped.'));
  expect(signal.reason).toMatchObject({ code: 'cancelled' });
});

test('a deadline that is cleared never expires, and holds no timer', async () => {
  const clock = countingClock();
  const { signal, clear } = startDeadline(clock, 100);
  clear();
  await clock.advance(200);
  expect([signal.aborted, clock.pending.size]).toEqual([false, 0]);
});

test('what settles in time does so as it is, and leaves no timer behind', async () => {
  const clock = countingClock();
  await expect(withTimeout(Promise.resolve(7), clock, 100)).resolves.toBe(7);
  await expect(withTimeout(Promise.reject(new TabloomError('no', 'No.')), clock, 100)).rejects.toMatchObject({
    code: 'no',
  });
  await clock.advance(0);
  expect(clock.pending.size).toBe(0);
});

test('what takes too long is given up with the error of the caller, which is made only then', async () => {
  const clock = manualClock();
  const error = vi.fn(() => new TabloomError('deadline', 'Too late.'));
  const waited = withTimeout(new Promise(() => undefined), clock, 100, { error }).catch((cause: unknown) => cause);
  await clock.advance(99);
  expect(error).not.toHaveBeenCalled();
  await clock.advance(1);
  expect(await waited).toMatchObject({ code: 'deadline' });
});

test('a wait ends with its signal', async () => {
  const stop = new AbortController();
  const waited = withTimeout(new Promise(() => undefined), manualClock(), 100, { signal: stop.signal });
  stop.abort();
  await expect(waited).rejects.toMatchObject({ code: 'aborted' });
});
