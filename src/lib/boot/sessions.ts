import type { Peer } from '#lib/peer/peer.ts';
import type { IdentityLock } from './identity-lock.ts';
import { createSession, type Session, type SessionComponents, type SessionKind } from './session.ts';

/**
 * Which keys this tab lives under. `home` is the device's own and there only while this tab holds the lock; asking goes
 * through it too, unless another tab holds it (`guest`) or the person wants no one to know them (`private`).
 */
export interface Sessions {
  /** Asks the network. Resolves once there is one. */
  asking(): Promise<Session>;
  /** Answers this device itself, and the network where it is `home`. */
  serving(): Promise<Session>;
  /** Brings sessions in line with the lock and the settings; once nothing is being asked any more. */
  arrange(): Promise<void>;
  /** In private mode: a fresh key from now on. */
  renewPrivate(): Promise<void>;
  /** Leaves the network under the device's key. */
  leaveHome(): Promise<void>;
  /** Marks the time of one job: sessions are not changed under it. */
  during<T>(run: () => AsyncIterable<T>): AsyncIterable<T>;
  /** Every peer that lives now. */
  peers(): readonly Peer[];
  stop(): Promise<void>;
}

export interface SessionsComponents extends SessionComponents {
  readonly lock: () => IdentityLock;
  readonly privateMode: () => boolean;
  readonly onArranged: (asking: Session, serving: Session) => void;
}

export function createSessions(components: SessionsComponents): Sessions {
  const { lock, privateMode, onArranged } = components;
  let home: Session | undefined;
  let asking: Session | undefined;
  let jobs = 0;
  let wanted = false;
  let stopped = false;
  let first = Promise.withResolvers<void>();
  first.promise.catch(() => undefined);
  /** One change at a time, in order. */
  let line: Promise<void> = Promise.resolve();
  const inLine = (work: () => Promise<void>): Promise<void> => {
    const done = line.then(() => (stopped ? undefined : work()));
    line = done.catch(() => undefined);
    return done;
  };

  const open = async (kind: SessionKind): Promise<Session> => {
    const session = await createSession(kind, components);
    await session.peer.start();
    return session;
  };
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

  const arrange = async () => {
    if (jobs > 0) {
      wanted = true;
      return;
    }
    wanted = false;
    await inLine(() => rearrange('keep')).catch((error: unknown) => {
      if (!asking) {
        first.reject(error);
        first = Promise.withResolvers<void>();
        first.promise.catch(() => undefined);
      }
      throw error;
    });
  };

  return {
    async asking() {
      await first.promise;
      return asking!;
    },
    async serving() {
      await first.promise;
      return (home ?? asking)!;
    },
    arrange,
    renewPrivate: () => inLine(async () => (kindNow() === 'private' ? rearrange('renew') : undefined)),
    leaveHome: () =>
      inLine(async () => {
        if (!home) return;
        const leaving = home;
        home = undefined;
        if (asking === leaving) asking = await open('guest');
        onArranged(asking!, asking!);
        await leaving.peer.stop();
      }),
    async *during(run) {
      jobs += 1;
      try {
        yield* run();
      } finally {
        jobs -= 1;
        if (jobs === 0 && wanted) void arrange().catch(() => undefined);
      }
    },
    peers: () => [...new Set([home, asking])].flatMap((session) => session?.peer ?? []),
    async stop() {
      stopped = true;
      await line;
      await Promise.all([...new Set([home, asking])].map((session) => session?.peer.stop()));
    },
  };
}
