import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createTimers } from './timers.ts';

const scene = (spared: readonly string[] = []) => {
  const clock = manualClock();
  const fired: string[] = [];
  const timers = createTimers<string>({
    clock,
    spared: new Set(spared),
    onFire: (name) => fired.push(`${name} ${clock.elapsed()}`),
  });
  return { clock, fired, timers };
};

test('each fires once, when it is due, in order', async () => {
  const { clock, fired, timers } = scene();
  timers.arm('later', 300);
  timers.arm('sooner', 100);
  await clock.advance(1_000);
  expect(fired).toEqual(['sooner 100', 'later 300']);
});

test('arming again moves it, disarming and stopping end it', async () => {
  const { clock, fired, timers } = scene();
  timers.arm('fed', 100);
  timers.arm('off', 100);
  timers.disarm('off');
  for (let i = 0; i < 5; i++) {
    await clock.advance(60);
    timers.arm('fed', 100);
  }
  expect(fired).toEqual([]);
  await clock.advance(100);
  expect(fired).toEqual(['fed 400']);
  timers.arm('never', 10);
  timers.stop();
  timers.arm('never', 10);
  await clock.advance(100);
  expect(fired).toHaveLength(1);
});

test('a listener may arm from inside', async () => {
  const clock = manualClock();
  const fired: number[] = [];
  const timers = createTimers<'beat'>({
    clock,
    onFire: () => {
      fired.push(clock.elapsed());
      if (fired.length < 3) timers.arm('beat', 50);
    },
  });
  timers.arm('beat', 50);
  await clock.advance(500);
  expect(fired).toEqual([50, 100, 150]);
});

/** A clock whose timers come late, as where the process was held up. */
function lateClock(lateMs: number) {
  const clock = manualClock();
  return {
    ...clock,
    after: (ms: number, run: () => void) => clock.after(ms + lateMs, run),
  };
}

test('one that speaks of silence is spared once when this process was held up itself; a deadline never', async () => {
  const clock = lateClock(2_000);
  const fired: string[] = [];
  const timers = createTimers<string>({
    clock,
    spared: new Set(['silence']),
    onFire: (name) => fired.push(`${name} ${clock.elapsed()}`),
  });
  timers.arm('silence', 100);
  timers.arm('deadline', 100);
  await clock.advance(2_500);
  expect(fired).toEqual(['deadline 2100']);
  await clock.advance(5_000);
  expect(fired).toEqual(['deadline 2100', 'silence 4200']);
});

test('a silence held up by a sleeping device gets one more period', async () => {
  const inner = manualClock();
  let asleepMs = 0;
  // The device sleeps through the first timer: it fires when it should, but the clock has gone on.
  const clock = { ...inner, elapsed: () => inner.elapsed() + asleepMs };
  const fired: string[] = [];
  const timers = createTimers<string>({ clock, spared: new Set(['silence']), onFire: (name) => fired.push(name) });
  timers.arm('silence', 1_000);
  asleepMs = 60_000;
  await inner.advance(1_000);
  expect(fired).toEqual([]);
  await inner.advance(1_000);
  expect(fired).toEqual(['silence']);
});

test('where every timer is late it fires all the same, after one more period; arming earns another', async () => {
  const inner = manualClock();
  let lateMs = 0;
  // A hidden tab: no timer fires before it is five seconds overdue.
  const clock: Clock = {
    ...inner,
    elapsed: () => inner.elapsed() + lateMs,
    after: (ms, run) =>
      inner.after(ms, () => {
        lateMs += 5_000;
        run();
      }),
  };
  const fired: number[] = [];
  const timers = createTimers<string>({
    clock,
    spared: new Set(['silence']),
    onFire: () => fired.push(clock.elapsed()),
  });
  timers.arm('silence', 1_000);
  await inner.advance(1_000);
  timers.arm('silence', 1_000);
  await inner.advance(1_000);
  expect(fired).toEqual([]);
  await inner.advance(1_000);
  expect(fired).toEqual([18_000]);
});
