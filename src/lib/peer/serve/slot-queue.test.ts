import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSlotQueue, type Place, type Ticket } from './slot-queue.ts';

function visitors(options: { slots: number; waitingMax: number }) {
  let changes = 0;
  const queue = createSlotQueue({ ...options, onChange: () => (changes += 1) });
  const enter = () => {
    const places: Place[] = [];
    const ticket = queue.enter((place) => places.push(place));
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
