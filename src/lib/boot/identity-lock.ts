import type { Random } from '#lib/base/random.ts';
import { toHex } from '#lib/base/bytes.ts';
import { createEmitter } from '#lib/base/emitter.ts';

/**
 * One tab at a time uses an identity: two nodes with the same key make each other unreachable. The tab that holds the lock
 * has the key; the other tabs of the profile queue for it and meanwhile ask under keys of their own. A tab may claim the
 * lock: the holder then closes its device session, releases the lock and joins the end of the queue.
 */
export interface IdentityLock {
  readonly held: boolean;
  /** Calls back when this tab gets the lock or has released it. */
  onChange(listener: (held: boolean) => void): () => void;
  /** Asks the holder to release it. */
  claim(): void;
  release(): void;
}

export interface IdentityLockComponents {
  /**
   * Undefined if the browser has no Web Locks, as on a page over plain http: no tab can then know that it is the only one,
   * and none uses the key.
   */
  readonly locks: LockManager | undefined;
  readonly channel: (name: string) => LockChannel;
  readonly random: Random;
  /** Another tab claims the lock: stops everything that uses the key. The lock is released once this settles. */
  readonly onClaim: () => Promise<void>;
}

export interface LockChannel {
  postMessage(message: unknown): void;
  close(): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

const name = 'tabloom-identity';

/** Takes the lock if it is free, else queues for it. Resolves when it is known which. */
export async function requestIdentityLock(components: IdentityLockComponents): Promise<IdentityLock> {
  const { locks, random, onClaim } = components;
  const me = toHex(random.bytes(8));
  const channel = components.channel(name);
  const changes = createEmitter<boolean>();
  const closing = new AbortController();
  let held = false;
  /** A claim that comes during a release is being served already; queueing twice would take the key back. */
  let isReleasing = false;
  let release: () => void = () => undefined;

  const hold = () =>
    new Promise<void>((resolve) => {
      release = () => {
        release = () => undefined;
        held = false;
        resolve();
      };
      held = true;
      changes.emit(true);
    });
  const queueForLock = () => {
    locks?.request(name, { signal: closing.signal }, hold).catch(() => undefined);
  };

  channel.onmessage = ({ data }) => {
    if (!held || isReleasing || typeof data !== 'object' || data?.type !== 'claim' || data.from === me) return;
    isReleasing = true;
    // Gone from the network before the next tab appears there under the same key.
    void onClaim()
      .catch(() => undefined)
      .then(() => {
        release();
        changes.emit(false);
        queueForLock();
      })
      .finally(() => {
        isReleasing = false;
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
    if (!held) queueForLock();
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
      release();
    },
  };
}
