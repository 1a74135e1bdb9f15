import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSlotQueue, type Place, type Ticket } from './slot-queue.ts';

function visitors(options: { slots: number; waitingMax: number }) {
  let changes = 0;
  const queue = createSlotQueue({ ...options, onChange: () => (changes += 1) });
  const enter = (priority = 0, origin?: string) => {
    const places: Place[] = [];
    const ticket = queue.enter((place) => places.push(place), priority, origin);
    return { places, ticket };
  };
  return { queue, enter, changes: () => changes };
}

describe('a slot queue', () => {
  test('is first come, first served', () => {
    const { queue, enter, changes } = visitors({ slots: 1, waitingMax: 2 });
    const [a, b, c, d] = [enter(), enter(), enter(), enter()];
    expect(d.ticket).toBeUndefined();
    expect(d.places).toEqual([]);
    expect([queue.running, queue.waiting]).toEqual([1, 2]);
    a.ticket!.leave();
    expect(b.places).toEqual([{ position: 1 }, { position: 0 }]);
    expect(c.places).toEqual([{ position: 2 }, { position: 1 }]);
    expect(changes()).toBe(4);
  });

  test('who has earned more comes before who has earned less, and both before a stranger', () => {
    const { queue, enter } = visitors({ slots: 1, waitingMax: 6 });
    const running = enter();
    const [a, b, stranger, some, most, same] = [enter(9), enter(9), enter(), enter(1), enter(2), enter(1)];
    expect(stranger.places).toEqual([3, 4, 5, 6].map((position) => ({ position })));
    running.ticket!.leave();
    const order = [a, b, most, some, same, stranger];
    expect(order.map(({ places }) => places.at(-1))).toEqual([0, 1, 2, 3, 4, 5].map((position) => ({ position })));
    expect(queue.placeFor(5)).toBe(6);
    b.ticket!.leave();
    expect(queue.placeFor(0)).toBe(5);
  });

  test('one that waits is overtaken no more often than its first place said, and at most five times', () => {
    for (const ahead of [0, 2, 7]) {
      const { enter } = visitors({ slots: 1, waitingMax: 8 });
      const inside = Array.from({ length: 1 + ahead }, () => enter(9));
      const stranger = enter();
      const positionOf = ({ places }: { readonly places: readonly Place[] }) =>
        (places.at(-1) as { position: number }).position;
      let starts = 0;
      for (; positionOf(stranger) > 0; starts++) {
        inside.push(enter(5));
        const running = inside.findIndex((one) => one.ticket && positionOf(one) === 0);
        inside.splice(running, 1)[0]!.ticket!.leave();
      }
      expect(starts, `${ahead} ahead`).toBe(ahead + 1 + Math.min(5, ahead + 1));
    }
  });

  test('those of one address take turns with those of others, and wait no longer than they were told', () => {
    const { queue, enter } = visitors({ slots: 1, waitingMax: 8 });
    const running = enter(0, 'crowd');
    const crowd = Array.from({ length: 4 }, () => enter(0, 'crowd'));
    const one = enter(0, 'one');
    const other = enter(0, 'other');
    // Two have gone before the crowd's second, which is as long as it was told to wait.
    expect([queue.placeFor(0, 'third'), queue.placeFor(0, 'crowd'), queue.placeFor(1, 'crowd')]).toEqual([5, 7, 5]);
    const started: string[] = [];
    const all = { crowd0: crowd[0]!, crowd1: crowd[1]!, crowd2: crowd[2]!, crowd3: crowd[3]!, one, other };
    running.ticket!.leave();
    for (let turn = 0; turn < 6; turn++) {
      const [name, visitor] = Object.entries(all).find(
        ([, { places }]) => (places.at(-1) as { position: number }).position === 0,
      )!;
      started.push(name);
      delete (all as Record<string, unknown>)[name];
      visitor.ticket!.leave();
    }
    expect(started).toEqual(['crowd0', 'one', 'other', 'crowd1', 'crowd2', 'crowd3']);
  });

  test('strangers cannot take every place', () => {
    const { queue, enter } = visitors({ slots: 1, waitingMax: 2 });
    for (let i = 0; i < 3; i++) enter();
    expect([queue.hasRoom(0), queue.hasRoom(1)]).toEqual([false, true]);
    expect(enter().ticket).toBeUndefined();
    expect([enter(1).ticket, enter(1).ticket].every(Boolean)).toBe(true);
    expect(enter(1).ticket).toBeUndefined();
  });

  test('leaving twice frees one place', () => {
    const { queue, enter } = visitors({ slots: 1, waitingMax: 2 });
    const [a, , c] = [enter(), enter(), enter()];
    a.ticket!.leave();
    a.ticket!.leave();
    expect([queue.running, queue.waiting]).toEqual([1, 1]);
    c.ticket!.leave();
    c.ticket!.leave();
    expect([queue.running, queue.waiting]).toEqual([1, 0]);
  });

  test('dismissing sends away who waits and leaves who works', () => {
    const { queue, enter } = visitors({ slots: 1, waitingMax: 2 });
    const [a, b] = [enter(), enter()];
    queue.dismissWaiting();
    expect(b.places).toEqual([{ position: 1 }, 'dismissed']);
    expect(a.places).toEqual([{ position: 0 }]);
    expect([queue.running, queue.waiting]).toEqual([1, 0]);
    b.ticket!.leave();
    expect([queue.running, queue.waiting]).toEqual([1, 0]);
  });

  test('whatever comes and goes, the limits hold and nobody waits while a slot is free', () => {
    const steps = fc.array(fc.oneof(fc.constant('enter' as const), fc.nat({ max: 20 })), { maxLength: 80 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 4 }),
        steps,
        (slots, waitingMax, script) => {
          const { queue, enter } = visitors({ slots, waitingMax });
          const inside: { places: Place[]; ticket: Ticket }[] = [];
          for (const step of script) {
            if (step === 'enter') {
              const { places, ticket } = enter();
              if (ticket) inside.push({ places, ticket });
            } else inside.splice(step % (inside.length || 1), 1)[0]?.ticket.leave();
            expect(queue.running + queue.waiting).toBe(inside.length);
            expect(queue.running).toBe(Math.min(slots, inside.length));
            expect(queue.waiting).toBeLessThanOrEqual(waitingMax);
            const last = inside.map(({ places }) => places.at(-1) as { position: number });
            expect(last.filter(({ position }) => position === 0)).toHaveLength(queue.running);
            const waiting = last.map(({ position }) => position).filter((position) => position > 0);
            expect(waiting).toEqual(waiting.map((_, i) => i + 1));
          }
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });
});
