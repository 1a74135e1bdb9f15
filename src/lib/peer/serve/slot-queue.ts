/**
 * The jobs that run on one model and those that wait for it: `slots` at once, at most `waitingMax` behind them, first come
 * first served. No time, no promises: each caller is called back when its place changes.
 */
export interface SlotQueue {
  readonly running: number;
  readonly waiting: number;
  readonly hasRoom: boolean;
  /** Takes a place, or undefined when the queue is full. The listener is called at once with the place, then on every change. */
  enter(listener: PlaceListener): Ticket | undefined;
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
  readonly waitingMax: number;
  /** Called when the numbers have changed. */
  readonly onChange?: (() => void) | undefined;
}

export function createSlotQueue({ slots, waitingMax, onChange }: SlotQueueOptions): SlotQueue {
  const working = new Set<PlaceListener>();
  const waiting: PlaceListener[] = [];

  const hasRoom = () => working.size < slots || waiting.length < waitingMax;
  const notifyWaiting = () => {
    for (const [index, listener] of [...waiting].entries()) listener({ position: index + 1 });
  };
  const promote = () => {
    while (working.size < slots && waiting.length > 0) {
      const next = waiting.shift()!;
      working.add(next);
      next({ position: 0 });
    }
  };

  return {
    get running() {
      return working.size;
    },
    get waiting() {
      return waiting.length;
    },
    get hasRoom() {
      return hasRoom();
    },
    enter(listener) {
      if (!hasRoom()) return undefined;
      // An object for each place, so that the same function may enter twice.
      const place: PlaceListener = (event) => listener(event);
      if (working.size < slots) {
        working.add(place);
        place({ position: 0 });
      } else {
        waiting.push(place);
        place({ position: waiting.length });
      }
      onChange?.();
      return {
        leave() {
          const index = waiting.indexOf(place);
          if (index >= 0) waiting.splice(index, 1);
          else if (!working.delete(place)) return;
          promote();
          notifyWaiting();
          onChange?.();
        },
      };
    },
    dismissWaiting() {
      for (const place of waiting.splice(0)) place('dismissed');
      onChange?.();
    },
  };
}
