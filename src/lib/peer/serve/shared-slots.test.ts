import { expect, test } from 'vitest';
import { createSlotQueue, ownersPriority, type Place } from './slot-queue.ts';
import { inSlot, partOf } from './shared-slots.ts';

function desk() {
  const whole = createSlotQueue({ slots: 1, waitingMax: 2 });
  const seen: Record<string, Place[]> = {};
  const enter = (queue: ReturnType<typeof partOf>, name: string, priority = 0) =>
    queue.enter((place) => (seen[name] ??= []).push(place), priority, name);
  return { whole, seen, enter, one: partOf(whole), other: partOf(whole) };
}

test('two models never work at once on one machine, and each knows how many jobs are its own', () => {
  const { seen, enter, one, other } = desk();
  const first = enter(one, 'a');
  enter(other, 'b');
  expect(seen).toEqual({ a: [{ position: 0 }], b: [{ position: 1 }] });
  expect([one.own, other.own]).toEqual([
    { running: 1, waiting: 0 },
    { running: 0, waiting: 1 },
  ]);
  // What an asker is told of either: the machine is busy, and one waits.
  expect([one, other].map(({ running, waiting, taken }) => [running, waiting, taken])).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ]);
  expect(other.placeFor(0)).toBe(2);
  first!.leave();
  expect([seen['b']!.at(-1), other.own]).toEqual([{ position: 0 }, { running: 1, waiting: 0 }]);
});

test('the places behind the machine are shared, and the owner comes first whatever the model', () => {
  const { seen, enter, one, other } = desk();
  const running = enter(one, 'a');
  enter(one, 'b');
  enter(other, 'c');
  expect([one.hasRoom(0), enter(other, 'd')]).toEqual([false, undefined]);
  enter(other, 'mine', ownersPriority);
  running!.leave();
  expect(seen['mine']!.at(-1)).toEqual({ position: 0 });
});

test('a model that goes dismisses those that wait for it, and nobody else', () => {
  const { seen, enter, one, other } = desk();
  const running = enter(one, 'a');
  enter(one, 'b');
  enter(other, 'c');
  one.dismissWaiting();
  expect([seen['a']!.at(-1), seen['b']!.at(-1), seen['c']!.at(-1)]).toEqual([
    { position: 0 },
    'dismissed',
    { position: 1 },
  ]);
  expect([one.own, other.own]).toEqual([
    { running: 1, waiting: 0 },
    { running: 0, waiting: 1 },
  ]);
  running!.leave();
  running!.leave();
  expect([one.own.running, other.own.running]).toEqual([0, 1]);
});

test('a benchmark takes a slot like a job of the owner, and gives it back whatever becomes of it', async () => {
  const { whole, enter, one } = desk();
  const running = enter(one, 'a')!;
  enter(one, 'b');
  const done: string[] = [];
  const measured = inSlot(whole, async () => done.push('measured'));
  const given = new AbortController();
  const left = inSlot(whole, async () => done.push('never'), { signal: given.signal });
  given.abort();
  await expect(left).rejects.toMatchObject({ code: 'aborted' });
  expect(done).toEqual([]);
  running.leave();
  await measured;
  expect([done, one.own, whole.waiting]).toEqual([['measured'], { running: 1, waiting: 0 }, 0]);
});
