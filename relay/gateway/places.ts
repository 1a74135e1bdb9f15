import type { Clock } from '#lib/base/clock.ts';
import { createConnectionLimits, type ConnectionPlace } from '../http/connection-limits.ts';
import type { Caller } from './caller.ts';

/** The places for answers that run at once, and who may take how many of them. */
export interface Places {
  /** Takes a place; a refusal says whether there is none left at all, or none for this caller. */
  admit(caller: Caller, endUser: string | undefined): ConnectionPlace | 'full' | 'share-full';
}

export interface PlacesInput {
  readonly clock: Pick<Clock, 'elapsed'>;
  readonly placesMax: number;
  /** For one address without a key; a /24 or /48 may have four times as many. */
  readonly perAddressMax: number;
  readonly perKeyMax: number;
}

/** Strangers leave a quarter of the places to callers with a key, who leave an eighth to strangers. */
const parts = { strangers: 3 / 4, keys: 7 / 8 } as const;

/**
 * The relay's own machine may take every place. End users of one key share its places evenly, with room for one more of
 * them: with `n` at once, each may take an `n + 1`th.
 */
export function createPlaces({ clock, placesMax, perAddressMax, perKeyMax }: PlacesInput): Places {
  const addresses = createConnectionLimits({ clock, perAddressMax, opening: 'unlimited' });
  const running = { local: 0, stranger: 0, key: 0 };
  const maxima = {
    local: placesMax,
    stranger: Math.ceil(placesMax * parts.strangers),
    key: Math.floor(placesMax * parts.keys),
  };
  /** Of each key, by end user; the empty name is that of requests that name none. */
  const keys = new Map<string, Map<string, number>>();

  const admitKey = (id: string, endUser = ''): ConnectionPlace | undefined => {
    const users = keys.get(id) ?? new Map<string, number>();
    const own = users.get(endUser) ?? 0;
    const all = [...users.values()].reduce((sum, count) => sum + count, 0);
    const named = [...users.keys()].filter((user) => user !== '' && user !== endUser).length;
    const userMax = endUser === '' ? perKeyMax : Math.ceil(perKeyMax / (named + 2));
    if (all >= perKeyMax || own >= userMax) return undefined;
    users.set(endUser, own + 1);
    keys.set(id, users);
    return {
      release() {
        const left = users.get(endUser)! - 1;
        if (left > 0) users.set(endUser, left);
        else users.delete(endUser);
        if (users.size === 0) keys.delete(id);
      },
    };
  };

  return {
    admit(caller, endUser) {
      const { type } = caller;
      if (running.local + running.stranger + running.key >= placesMax) return 'full';
      if (running[type] >= maxima[type]) return 'full';
      const place =
        type === 'local'
          ? { release: () => undefined }
          : type === 'key'
            ? admitKey(caller.key.id, endUser)
            : addresses.admit(caller.address);
      if (!place) return 'share-full';
      running[type] += 1;
      let isHeld = true;
      return {
        release() {
          if (!isHeld) return;
          isHeld = false;
          running[type] -= 1;
          place.release();
        },
      };
    },
  };
}
