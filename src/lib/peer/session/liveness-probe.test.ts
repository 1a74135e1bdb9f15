import { expect, test, vi } from 'vitest';
import { raceSignal } from '#lib/base/abort.ts';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import type { DirectoryChange } from '#lib/market/spec.ts';
import type { Attempt } from './attempt.ts';
import { probeTimeoutMs, probeOnWithdrawal } from './liveness-probe.ts';

const [self, worker, other] = ['self', 'worker', 'other'];

function setup(answer: () => Promise<number>, roundTripMs = 10) {
  const changes = createEmitter<DirectoryChange>();
  const ping = vi.fn((_peer: string, options?: { signal?: AbortSignal }) => raceSignal(answer(), options?.signal));
  const clock = manualClock();
  const [onDoubt, onDead] = [vi.fn(), vi.fn()];
  const openedAt = clock.now();
  let lastTokenAt = openedAt;
  const attempt = () => ({ openedAt, acceptedAt: openedAt + roundTripMs, lastTokenAt }) as Attempt;
  const stop = probeOnWithdrawal(
    worker,
    {
      directory: { onChange: changes.listen },
      net: { self, ping },
      clock,
      state: () => ({ attempts: [attempt()] }),
    },
    { onDoubt, onDead },
  );
  return {
    ping,
    onDoubt,
    clock,
    onDead,
    stop,
    leave: (peer: string) => changes.emit({ type: 'gone', peer }),
    token: () => (lastTokenAt = clock.now()),
  };
}

const never = () => new Promise<number>(() => undefined);

test('a worker that leaves and does not answer is dead after half a second', async () => {
  const { clock, onDoubt, onDead, leave } = setup(never);
  leave(other);
  expect(onDoubt).not.toHaveBeenCalled();
  leave(worker);
  // Its successor can be dialled meanwhile.
  expect(onDoubt).toHaveBeenCalledTimes(1);
  await clock.advance(probeTimeoutMs.min - 1);
  expect(onDead).not.toHaveBeenCalled();
  await clock.advance(1);
  expect(onDead).toHaveBeenCalledTimes(1);
});

test('one that cannot be asked at all is dead at once', async () => {
  const { clock, onDead, leave } = setup(() => Promise.reject(new Error('no connection')));
  leave(worker);
  await clock.advance(0);
  expect(onDead).toHaveBeenCalledTimes(1);
});

test('one that answers goes on, and is asked again when it leaves again', async () => {
  const { clock, onDead, leave, ping } = setup(() => Promise.resolve(3));
  leave(worker);
  await clock.advance(probeTimeoutMs.min * 2);
  leave(worker);
  await clock.advance(probeTimeoutMs.min * 2);
  expect(ping).toHaveBeenCalledTimes(2);
  expect(onDead).not.toHaveBeenCalled();
});

test('a worker that is far away is given time for its answer, and not for ever', async () => {
  for (const [roundTripMs, timeoutMs] of [
    [300, 1_200],
    [60_000, probeTimeoutMs.max],
  ] as const) {
    const { clock, onDead, leave } = setup(never, roundTripMs);
    leave(worker);
    await clock.advance(timeoutMs - 1);
    expect(onDead).not.toHaveBeenCalled();
    await clock.advance(1);
    expect(onDead).toHaveBeenCalledTimes(1);
  }
});

test('one whose answer to the job goes on lives, though its answer to the question is late', async () => {
  const { clock, onDead, leave, token } = setup(never);
  leave(worker);
  await clock.advance(probeTimeoutMs.min / 2);
  token();
  await clock.advance(probeTimeoutMs.min);
  expect(onDead).not.toHaveBeenCalled();
});

test('what had been sent before the withdrawal is no sign of life', async () => {
  const { clock, onDead, leave, token } = setup(never);
  leave(worker);
  await clock.advance(probeTimeoutMs.min / 2 - 1);
  token();
  await clock.advance(probeTimeoutMs.min);
  expect(onDead).toHaveBeenCalledTimes(1);
});

test('others that leave do not matter, nor does anything after the end of the watch', async () => {
  const { clock, onDead, leave, stop, ping } = setup(never);
  leave(other);
  expect(ping).not.toHaveBeenCalled();
  leave(worker);
  stop();
  await clock.advance(probeTimeoutMs.min * 2);
  leave(worker);
  expect(onDead).not.toHaveBeenCalled();
  expect(ping).toHaveBeenCalledTimes(1);
});
