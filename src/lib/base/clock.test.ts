import { expect, test, vi } from 'vitest';
import { manualClock } from './clock.fixture.ts';
import { systemClock } from './clock.ts';

test('delays fire in order of their time, and the clock stands where each was due', async () => {
  const clock = manualClock(1_000);
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name} ${clock.now()}`);
  void clock.delay(20).then(note('b'));
  void clock.delay(10).then(note('a'));
  void clock.delay(20).then(note('c'));
  await clock.advance(19);
  expect(fired).toEqual(['a 1010']);
  await clock.advance(1);
  expect(fired).toEqual(['a 1010', 'b 1020', 'c 1020']);
  expect(clock.elapsed()).toBe(20);
});

test('a delay set by a delay fires in the same advance when it is due', async () => {
  const clock = manualClock(0);
  const fired: number[] = [];
  const loop = async () => {
    for (let i = 0; i < 3; i++) {
      await clock.delay(10);
      fired.push(clock.now());
    }
  };
  void loop();
  await clock.advance(25);
  expect(fired).toEqual([10, 20]);
});

test('a chain of promises of any length ends before the clock moves on', async () => {
  const clock = manualClock(0);
  let endedMs = Number.NaN;
  const chain = async () => {
    await clock.delay(10);
    for (let link = 0; link < 10_000; link++) await Promise.resolve();
    endedMs = clock.now();
  };
  void chain();
  void clock.delay(11);
  await clock.advance(20);
  expect(endedMs).toBe(10);
});

test('an aborted delay rejects with its reason and never fires', async () => {
  const clock = manualClock();
  const controller = new AbortController();
  const delayed = clock.delay(10, { signal: controller.signal });
  controller.abort();
  await expect(delayed).rejects.toMatchObject({ code: 'aborted' });
  await expect(clock.delay(0, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
  await clock.advance(20);
});

test('says when the next delay comes due, so that a simulator can go from one to the next', async () => {
  const clock = manualClock();
  expect(clock.nextDueMs).toBe(Number.POSITIVE_INFINITY);
  void clock.delay(30);
  const sooner = clock.delay(10);
  expect(clock.nextDueMs).toBe(10);
  await clock.advance(clock.nextDueMs);
  await sooner;
  expect(clock.nextDueMs).toBe(20);
});

test('a timer calls when it is due, and not once it was let go', async () => {
  const clock = manualClock();
  const fired: string[] = [];
  clock.after(10, () => fired.push('a'));
  const letGo = clock.after(10, () => fired.push('b'));
  letGo();
  expect(clock.nextDueMs).toBe(10);
  await clock.advance(20);
  expect(fired).toEqual(['a']);
  letGo();
});

test('the real clock waits by the system’s timers, and lets go of them when aborted', async () => {
  vi.useFakeTimers();
  try {
    const controller = new AbortController();
    const [kept, dropped] = [systemClock.delay(50), systemClock.delay(60, { signal: controller.signal })];
    controller.abort();
    await expect(dropped).rejects.toMatchObject({ code: 'aborted' });
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(50);
    await kept;
    const fired: string[] = [];
    systemClock.after(50, () => fired.push('kept'));
    systemClock.after(50, () => fired.push('let go'))();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(50);
    expect(fired).toEqual(['kept']);
    expect(vi.getTimerCount()).toBe(0);
    systemClock.after(1_001.5, () => fired.push('late'));
    vi.advanceTimersByTime(1_002);
    expect(fired).toEqual(['kept']);
    vi.advanceTimersByTime(48);
    expect(fired).toEqual(['kept', 'late']);
  } finally {
    vi.useRealTimers();
  }
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60_000);
});
