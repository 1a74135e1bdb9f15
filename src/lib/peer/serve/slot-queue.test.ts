import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boughtPriority } from '#lib/trust/priority.ts';
import { createSlotQueue, ownersPriority, type Place, type Ticket } from './slot-queue.ts';

function visitors(options: { slots: number; waitingMax: number; reserved?: number }) {
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

  test('however much others pay or have earned, a stranger is served after twice as many as it was told, and five at most', () => {
    const priority = fc.oneof(
      fc.constant(ownersPriority),
      fc.double({ min: 0, noNaN: true }),
      fc.constant(boughtPriority),
    );
    const arrivals = fc.array(priority, { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(priority, { minLength: 1, maxLength: 8 }), arrivals, (ahead, later) => {
        const queue = createSlotQueue({ slots: 1, waitingMax: 8 });
        const enter = (from: number) => {
          const one = { position: -1, ticket: undefined as Ticket | undefined };
          one.ticket = queue.enter((place) => (one.position = place === 'dismissed' ? -1 : place.position), from);
          return one;
        };
        const others = ahead.map(enter);
        const stranger = enter(0);
        const told = stranger.position;
        let served = 0;
        // After each that is served, two more come that pay.
        for (; stranger.position > 0; served++) {
          for (const from of later.slice(2 * served, 2 * served + 2)) others.push(enter(from));
          const next = others.findIndex(({ position, ticket }) => ticket && position === 0);
          others.splice(next, 1)[0]!.ticket!.leave();
        }
        expect(served).toBeLessThanOrEqual(told + Math.min(5, told));
      }),
      { seed: 1, numRuns: 300 },
    );
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

  test("reserved slots are the owner's alone, whoever waits, and of the others he takes what is free", () => {
    const { queue, enter } = visitors({ slots: 4, reserved: 2, waitingMax: 4 });
    const strangers = Array.from({ length: 4 }, () => enter());
    expect([queue.running, queue.waiting, queue.taken]).toEqual([2, 2, 2]);
    const own = [enter(ownersPriority), enter(ownersPriority)];
    for (const { places } of own) expect(places).toEqual([{ position: 0 }]);
    expect([queue.running, queue.waiting, queue.taken]).toEqual([4, 2, 2]);
    // His own slot is free again: a stranger still waits, and the owner does not.
    own[0]!.ticket!.leave();
    expect(strangers[2]!.places.at(-1)).toEqual({ position: 1 });
    expect(enter(ownersPriority).places).toEqual([{ position: 0 }]);
    strangers[0]!.ticket!.leave();
    expect(strangers[2]!.places.at(-1)).toEqual({ position: 0 });
  });

  test('the owner takes unreserved slots too, and then strangers may have fewer', () => {
    const { queue, enter } = visitors({ slots: 4, reserved: 1, waitingMax: 4 });
    const own = Array.from({ length: 3 }, () => enter(ownersPriority));
    expect([queue.taken, queue.placeFor(0)]).toEqual([2, 0]);
    enter();
    const waits = enter();
    expect([queue.taken, queue.placeFor(0), queue.placeFor(ownersPriority)]).toEqual([3, 2, 1]);
    own[0]!.ticket!.leave();
    expect(waits.places.at(-1)).toEqual({ position: 0 });
  });

  test('the owner waits ahead of strangers who may be overtaken, in places that they cannot take', () => {
    const { queue, enter } = visitors({ slots: 2, reserved: 1, waitingMax: 2 });
    const [running, own] = [enter(), enter(ownersPriority)];
    const [first, second] = [enter(), enter()];
    expect([enter().ticket, queue.hasRoom(0), queue.hasRoom(ownersPriority)]).toEqual([undefined, false, true]);
    const waits = [enter(ownersPriority), enter(ownersPriority)];
    expect(enter(ownersPriority).ticket).toBeUndefined();
    // The reserved slot goes to the owner, although a stranger is first in line by then.
    own.ticket!.leave();
    expect(waits[0]!.places.at(-1)).toEqual({ position: 0 });
    running.ticket!.leave();
    expect(first.places.at(-1)).toEqual({ position: 0 });
    expect(second.places.at(-1)).toEqual({ position: 2 });
    expect(waits[1]!.places.at(-1)).toEqual({ position: 1 });
  });

  test('fewer reserved slots let those who wait begin', () => {
    const { queue, enter } = visitors({ slots: 2, reserved: 1, waitingMax: 2 });
    const [, waits] = [enter(), enter()];
    queue.resize(2, 0);
    expect(waits.places).toEqual([{ position: 1 }, { position: 0 }]);
    queue.resize(2, 1);
    expect([queue.running, queue.taken]).toEqual([2, 2]);
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

  test('whatever comes and goes, strangers leave the reserved slots, and nothing that may begin waits', () => {
    const step = fc.oneof(
      fc.constantFrom('stranger' as const, 'earned' as const, 'owner' as const),
      fc.nat({ max: 20 }),
    );
    const priorities = { stranger: 0, earned: 1, owner: ownersPriority };
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 80 }),
        (reserved, open, script) => {
          const slots = open + reserved;
          const { queue, enter } = visitors({ slots, reserved, waitingMax: 3 });
          const inside: { who: keyof typeof priorities; places: Place[]; ticket: Ticket }[] = [];
          for (const one of script) {
            if (typeof one === 'string') {
              const { places, ticket } = enter(priorities[one]);
              if (ticket) inside.push({ who: one, places, ticket });
            } else inside.splice(one % (inside.length || 1), 1)[0]?.ticket.leave();
            const isRunning = ({ places }: { places: Place[] }) =>
              (places.at(-1) as { position: number }).position === 0;
            const [running, waiting] = [inside.filter(isRunning), inside.filter((visitor) => !isRunning(visitor))];
            const strangers = running.filter(({ who }) => who !== 'owner').length;
            expect([queue.running, queue.waiting]).toEqual([running.length, waiting.length]);
            expect(strangers).toBeLessThanOrEqual(open);
            expect(running.length).toBeLessThanOrEqual(slots);
            expect(open - queue.taken).toBe(Math.min(open - strangers, slots - running.length));
            expect(waiting.length).toBeLessThanOrEqual(3 + 3 + 2);
            if (waiting.some(({ who }) => who === 'owner')) expect(running).toHaveLength(slots);
            if (waiting.length > 0) expect(queue.taken).toBe(open);
          }
        },
      ),
      { numRuns: 300, seed: 1 },
    );
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
