import type { Random } from '#lib/base/random.ts';
import { toHex } from '#lib/base/bytes.ts';

/**
 * One live tab an identity: two nodes with one key make each other unreachable. Whoever holds the lock has the key;
 * the other tabs of the profile wait for it, asking meanwhile under keys of their own. A tab may ask for it politely:
 * the holder says goodbye to its peers and lets go, and stands behind in the queue.
 */
export interface IdentityLock {
  readonly held: boolean;
  /** Resolves once this tab holds the lock; never when the page closes first. */
  readonly acquired: Promise<void>;
  /** Asks the holder to let go. */
  claim(): void;
  release(): void;
}

export interface IdentityLockComponents {
  /** Undefined where the browser has no Web Locks: then this tab holds it alone, as far as it knows. */
  readonly locks: LockManager | undefined;
  readonly channel: (name: string) => Pick<BroadcastChannel, 'postMessage' | 'close'> & {
    onmessage: ((event: MessageEvent) => void) | null;
  };
  readonly random: Random;
  /** Lets go of everything that uses the key; the lock is free once it resolves. */
  readonly letGo: () => Promise<void>;
}

const name = 'tabloom-identity';

/** Takes the lock at once when it is free, else stands in line. Resolves when it is known which. */
export async function requestIdentityLock(components: IdentityLockComponents): Promise<IdentityLock> {
  const { locks, random, letGo } = components;
  const me = toHex(random.bytes(8));
  const channel = components.channel(name);
  let held = false;
  let free: () => void = () => undefined;
  const acquired = Promise.withResolvers<void>();

  const hold = () => {
    held = true;
    acquired.resolve();
    return new Promise<void>((resolve) => {
      free = () => {
        held = false;
        resolve();
      };
    });
  };

  channel.onmessage = ({ data }) => {
    if (held && typeof data === 'object' && data?.type === 'claim' && data.from !== me) {
      // Gone from the network before the next one appears there under the same key.
      void letGo().finally(() => free());
    }
  };

  if (!locks) void hold();
  else {
    const tried = Promise.withResolvers<void>();
    void locks
      .request(name, { ifAvailable: true }, (lock) => {
        tried.resolve();
        return lock ? hold() : undefined;
      })
      .catch(() => tried.resolve());
    await tried.promise;
    if (!held) void locks.request(name, () => hold()).catch(() => undefined);
  }

  return {
    get held() {
      return held;
    },
    acquired: acquired.promise,
    claim: () => channel.postMessage({ type: 'claim', from: me }),
    release: () => {
      free();
      channel.close();
    },
  };
}
