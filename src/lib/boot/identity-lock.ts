import type { Random } from '#lib/base/random.ts';
import { toHex } from '#lib/base/bytes.ts';
import { createEmitter } from '#lib/base/emitter.ts';

/**
 * One live tab an identity: two nodes with one key make each other unreachable. Whoever holds the lock has the key;
 * the other tabs of the profile wait for it, asking meanwhile under keys of their own. A tab may ask for it politely:
 * the holder says goodbye to its peers and lets go, and stands behind in the queue.
 */
export interface IdentityLock {
  readonly held: boolean;
  /** Hears when this tab gets the lock or has let go of it. */
  onChange(listener: (held: boolean) => void): () => void;
  /** Asks the holder to let go. */
  claim(): void;
  release(): void;
}

export interface IdentityLockComponents {
  /**
   * Undefined where the browser has no Web Locks, as on a page over plain http: then no tab can know that it is the only
   * one, and none takes the key.
   */
  readonly locks: LockManager | undefined;
  readonly channel: (name: string) => LockChannel;
  readonly random: Random;
  /** Lets go of everything that uses the key; the lock is free once it settles. */
  readonly letGo: () => Promise<void>;
}

export interface LockChannel {
  postMessage(message: unknown): void;
  close(): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

const name = 'tabloom-identity';

/** Takes the lock at once when it is free, else stands in line. Resolves when it is known which. */
export async function requestIdentityLock(components: IdentityLockComponents): Promise<IdentityLock> {
  const { locks, random, letGo } = components;
  const me = toHex(random.bytes(8));
  const channel = components.channel(name);
  const changes = createEmitter<boolean>();
  const closing = new AbortController();
  let held = false;
  /** A claim that comes while this tab lets go is answered already; standing in line twice would take the key back. */
  let lettingGo = false;
  let free: () => void = () => undefined;

  const hold = () =>
    new Promise<void>((resolve) => {
      free = () => {
        free = () => undefined;
        held = false;
        resolve();
      };
      held = true;
      changes.emit(true);
    });
  const standInLine = () => {
    locks?.request(name, { signal: closing.signal }, hold).catch(() => undefined);
  };

  channel.onmessage = ({ data }) => {
    if (!held || lettingGo || typeof data !== 'object' || data?.type !== 'claim' || data.from === me) return;
    lettingGo = true;
    // Gone from the network before the next one appears there under the same key.
    void letGo()
      .catch(() => undefined)
      .then(() => {
        free();
        changes.emit(false);
        standInLine();
      })
      .finally(() => {
        lettingGo = false;
      });
  };

  if (locks) {
    const tried = Promise.withResolvers<void>();
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        const holding = lock ? hold() : undefined;
        tried.resolve();
        return holding;
      })
      .catch(() => tried.resolve());
    await tried.promise;
    if (!held) standInLine();
  }

  return {
    get held() {
      return held;
    },
    onChange: changes.listen,
    claim: () => channel.postMessage({ type: 'claim', from: me }),
    release() {
      closing.abort();
      channel.close();
      free();
    },
  };
}
