import { raceSignal } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { ownersPriority, type Place, type SlotQueue, type Ticket } from './slot-queue.ts';

/**
 * One model's part of a queue that several models share, because one processor answers with all of them: its speed was measured
 * with one answer at a time. Whoever looks sees how busy the whole is, since that is what a new job waits for.
 */
export function partOf(whole: SlotQueue): SlotQueue {
  const places = new Map<object, { position: number; readonly dismiss: () => void }>();

  return {
    get running() {
      return whole.running;
    },
    get waiting() {
      return whole.waiting;
    },
    get taken() {
      return whole.taken;
    },
    get own() {
      const running = [...places.values()].filter(({ position }) => position === 0).length;
      return { running, waiting: places.size - running };
    },
    hasRoom: whole.hasRoom,
    placeFor: whole.placeFor,
    enter(listener, priority, origin) {
      const key = {};
      let ticket: Ticket | undefined;
      const dismiss = () => {
        places.delete(key);
        ticket?.leave();
        listener('dismissed');
      };
      const follow = (place: Place) => {
        if (place === 'dismissed') places.delete(key);
        else places.set(key, { position: place.position, dismiss });
        listener(place);
      };
      ticket = whole.enter(follow, priority, origin);
      if (!ticket) return undefined;
      return {
        leave() {
          places.delete(key);
          ticket.leave();
        },
      };
    },
    // The whole has as many as its owner gives it.
    resize: () => undefined,
    dismissWaiting() {
      for (const { position, dismiss } of places.values()) if (position > 0) dismiss();
    },
  };
}

/** Does something in a slot of the queue, ahead of others' jobs. @throws `busy` when too much of the owner's waits, `aborted`. */
export async function inSlot<T>(
  queue: SlotQueue,
  work: () => Promise<T>,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<T> {
  const turn = Promise.withResolvers<void>();
  turn.promise.catch(() => undefined);
  const busy = () => new TabloomError('busy', 'Too much waits for this machine. Try again when it is done.');
  const ticket = queue.enter((place) => {
    if (place === 'dismissed') turn.reject(busy());
    else if (place.position === 0) turn.resolve();
  }, ownersPriority);
  if (!ticket) throw busy();
  try {
    await raceSignal(turn.promise, signal);
    return await work();
  } finally {
    ticket.leave();
  }
}
