import { raceSignal, type AbortOptions } from '#lib/base/abort.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { IdentityLock } from './identity-lock.ts';
import type { Session, SessionKind } from './session.ts';

/**
 * Which keys this tab lives under. `home` is the device's own and there only while this tab holds the lock; asking goes
 * through it too, unless another tab holds it (`guest`) or the person wants no one to know them (`private`).
 */
export interface Sessions {
  /** Asks the network. Resolves once there is one and no change is under way. */
  asking(): Promise<Session>;
  /**
   * Runs one job in the session that asks the network, or in the one that answers this device itself. Sessions are not
   * changed under a job, and a job that comes while a change is waited for begins after it: never under the key before.
   */
  during<T>(
    role: 'asking' | 'serving',
    run: (session: Session) => AsyncIterable<T>,
    options: AbortOptions,
  ): AsyncIterable<T>;
  /** Brings sessions in line with the lock and the settings; once nothing is being asked any more. */
  arrange(): Promise<void>;
  /** In private mode: a fresh key from now on. */
  renewPrivate(): Promise<void>;
  /** Leaves the network under the device's key. */
  leaveHome(): Promise<void>;
  /** Every peer that lives now. */
  peers(): readonly Peer[];
  stop(): Promise<void>;
}

export interface SessionsComponents {
  /** A new session, started. */
  readonly open: (kind: SessionKind) => Promise<Session>;
  readonly lock: () => Pick<IdentityLock, 'held'>;
  readonly privateMode: () => boolean;
  readonly onArranged: (asking: Session, serving: Session) => void;
}

export function createSessions({ open, lock, privateMode, onArranged }: SessionsComponents): Sessions {
  let home: Session | undefined;
  let asking: Session | undefined;
  let jobs = 0;
  /** Set while a change waits for the jobs that run to end. */
  let wanted: PromiseWithResolvers<void> | undefined;
  let stopped = false;
  let first = Promise.withResolvers<void>();
  first.promise.catch(() => undefined);
  const changes = createMutex();
  const change = (task: () => Promise<void>): Promise<void> => changes.run(async () => (stopped ? undefined : task()));

  const kindNow = (): SessionKind => (privateMode() ? 'private' : lock().held ? 'own' : 'guest');

  async function rearrange(renew: 'keep' | 'renew'): Promise<void> {
    const kind = kindNow();
    if (lock().held) home ??= await open('own');
    else if (home) {
      await home.peer.stop();
      if (asking === home) asking = undefined;
      home = undefined;
    }
    const old = asking;
    if (kind === 'own') asking = home;
    else if (old?.kind !== kind || renew === 'renew') asking = await open(kind);
    if (old && old !== asking && old !== home) await old.peer.stop();
    first.resolve();
    if (asking) onArranged(asking, home ?? asking);
  }

  /** Whoever wants to ask waits for the next try. */
  const failFirst = (cause: unknown) => {
    first.reject(cause);
    first = Promise.withResolvers<void>();
    first.promise.catch(() => undefined);
  };

  /** A key to ask under after the device's own is gone. */
  const reopen = async () => {
    try {
      asking ??= await open('guest');
      onArranged(asking, asking);
    } catch (error) {
      failFirst(error);
      throw error;
    }
  };

  const arrange = async (): Promise<void> => {
    if (jobs > 0) {
      wanted ??= Promise.withResolvers<void>();
      return;
    }
    const waiting = wanted;
    wanted = undefined;
    await change(() => rearrange('keep'))
      .catch((error: unknown) => {
        if (!asking) failFirst(error);
        throw error;
      })
      .finally(() => waiting?.resolve());
  };

  /** Waits until no change is under way or waited for. What follows it synchronously has the sessions to itself. */
  const settled = async (signal?: AbortSignal): Promise<void> => {
    do await raceSignal(Promise.all([first.promise, wanted?.promise, changes.idle()]), signal);
    while (wanted || changes.pending > 0);
  };

  return {
    async asking() {
      await settled();
      return asking!;
    },
    async *during(role, run, { signal }) {
      await settled(signal);
      const session = role === 'asking' ? asking! : (home ?? asking)!;
      jobs += 1;
      try {
        yield* run(session);
      } finally {
        jobs -= 1;
        if (jobs === 0 && wanted) void arrange().catch(() => undefined);
      }
    },
    arrange,
    renewPrivate: () => change(async () => (kindNow() === 'private' ? rearrange('renew') : undefined)),
    leaveHome: () =>
      change(async () => {
        if (!home) return;
        const leaving = home;
        home = undefined;
        if (asking === leaving) asking = undefined;
        try {
          // First of all: whoever has the key next cannot be reached while this node lives.
          await leaving.peer.stop();
        } finally {
          await reopen();
        }
      }),
    peers: () => [...new Set([home, asking])].flatMap((session) => session?.peer ?? []),
    async stop() {
      stopped = true;
      await changes.idle();
      await Promise.all([...new Set([home, asking])].map((session) => session?.peer.stop()));
    },
  };
}
