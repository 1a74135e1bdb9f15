/**
 * The jobs that run on one model and those that wait for it: `slots` at once, at most `waitingMax` behind them. Those with the
 * higher priority come first. Among equals those of one origin take turns with those of others, in order of arrival: many keys
 * behind one address wait as one. Each that waits is overtaken at most five times, which leaves strangers one start in six, and
 * never more often than its first place said: it waits at most twice what it was told. Reserved slots are outside of this: only
 * the owner's jobs take them, whoever waits. No time, no promises: each caller is called back when its place changes.
 */
export interface SlotQueue {
  readonly running: number;
  readonly waiting: number;
  /** Those that entered through this object: fewer than all where several share the slots. */
  readonly own: { readonly running: number; readonly waiting: number };
  /** How many of the slots that are not reserved cannot be taken now. */
  readonly taken: number;
  /** @param priority as for `enter`. */
  hasRoom(priority: number): boolean;
  /** The place that would be taken now: 0 for a slot. */
  placeFor(priority: number, origin?: string): number;
  /**
   * Takes a place, or undefined when the queue is full. The listener is called at once with the place, then on every change.
   * @param priority what the asker has earned here (`trust/priority.ts`): 0 for a stranger, `ownersPriority` for the owner.
   * @param origin where it asks from: its address, or its key where that cannot be told.
   */
  enter(listener: PlaceListener, priority: number, origin?: string): Ticket | undefined;
  /** Changes the numbers of slots: those who wait take new ones at once; what runs beyond them goes on. */
  resize(slots: number, reserved?: number): void;
  /** Dismisses all that wait; what runs goes on. */
  dismissWaiting(): void;
}

/** `position` 0: the slot is yours. `dismissed`: the place is gone. */
export type Place = { readonly position: number } | 'dismissed';
export type PlaceListener = (place: Place) => void;

export interface Ticket {
  /** Gives the place back, waiting or running. Idempotent. */
  leave(): void;
}

export interface SlotQueueOptions {
  readonly slots: number;
  /** How many of them only the owner's jobs may take; 0 by default. */
  readonly reserved?: number | undefined;
  /** Of the owner's jobs as many again may wait, so that strangers cannot take their places. */
  readonly waitingMax: number;
  /** Called when the numbers have changed. */
  readonly onChange?: (() => void) | undefined;
}

/** Before everybody else. */
export const ownersPriority: number = Number.POSITIVE_INFINITY;

/** How often one that waits may be overtaken: one start in six is more than the 15 % that strangers are due. */
const overtakenMax = 5;
/** Places beyond `waitingMax` for askers with a priority, so that strangers cannot take all of them. */
const earnedPlaces = 2;

interface Waiting {
  readonly place: PlaceListener;
  readonly priority: number;
  readonly origin: string;
  /** By how many it may still be overtaken. */
  patience: number;
}

export function createSlotQueue({ waitingMax, onChange, ...atFirst }: SlotQueueOptions): SlotQueue {
  let { slots, reserved = 0 } = atFirst;
  const working = new Map<PlaceListener, 'owner' | 'other'>();
  const waiting: Waiting[] = [];
  /** Of those that work. */
  let others = 0;

  const canStart = (priority: number) =>
    working.size < slots && (priority === ownersPriority || others < slots - reserved);
  const hasRoom = (priority: number) => {
    if (canStart(priority)) return true;
    const own = waiting.filter((one) => one.priority === ownersPriority).length;
    if (priority === ownersPriority) return own < waitingMax;
    return waiting.length - own < waitingMax + (priority > 0 ? earnedPlaces : 0);
  };
  const start = (place: PlaceListener, priority: number) => {
    const who = priority === ownersPriority ? 'owner' : 'other';
    working.set(place, who);
    if (who === 'other') others += 1;
    place({ position: 0 });
  };
  /** Behind the last that may not be overtaken: of a higher priority, or an equal one and a turn that comes no later. */
  const indexFor = (priority: number, origin: string) => {
    const own = waiting.filter((one) => one.origin === origin).length;
    const turns = new Map<string, number>();
    let last = -1;
    for (const [index, one] of waiting.entries()) {
      const turn = turns.get(one.origin) ?? 0;
      turns.set(one.origin, turn + 1);
      const isBefore = one.priority > priority || (one.priority === priority && turn <= own);
      if (isBefore || one.patience === 0) last = index;
    }
    return last + 1;
  };
  const notifyWaiting = (from = 0) => {
    for (const [index, { place }] of [...waiting].entries()) if (index >= from) place({ position: index + 1 });
  };
  const promote = () => {
    for (;;) {
      const index = waiting.findIndex(({ priority }) => canStart(priority));
      if (index < 0) return;
      const [next] = waiting.splice(index, 1);
      start(next!.place, next!.priority);
    }
  };

  return {
    get running() {
      return working.size;
    },
    get waiting() {
      return waiting.length;
    },
    get own() {
      return { running: working.size, waiting: waiting.length };
    },
    get taken() {
      return Math.max(others, working.size - reserved);
    },
    hasRoom,
    placeFor: (priority, origin = '') => (canStart(priority) ? 0 : indexFor(priority, origin) + 1),
    enter(listener, priority, origin = '') {
      if (!hasRoom(priority)) return undefined;
      // An object for each place, so that the same function may enter twice.
      const place: PlaceListener = (event) => listener(event);
      if (canStart(priority)) start(place, priority);
      else {
        const index = indexFor(priority, origin);
        for (const behind of waiting.slice(index)) behind.patience -= 1;
        waiting.splice(index, 0, { place, priority, origin, patience: Math.min(overtakenMax, index + 1) });
        notifyWaiting(index);
      }
      onChange?.();
      return {
        leave() {
          const index = waiting.findIndex((one) => one.place === place);
          const who = working.get(place);
          if (index >= 0) waiting.splice(index, 1);
          else if (!working.delete(place)) return;
          if (who === 'other') others -= 1;
          promote();
          notifyWaiting();
          onChange?.();
        },
      };
    },
    resize(now, reservedNow = 0) {
      if (now === slots && reservedNow === reserved) return;
      [slots, reserved] = [now, reservedNow];
      promote();
      notifyWaiting();
      onChange?.();
    },
    dismissWaiting() {
      for (const { place } of waiting.splice(0)) place('dismissed');
      onChange?.();
    },
  };
}
