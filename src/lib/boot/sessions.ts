import { raceSignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { loadPart } from '#lib/base/part.ts';
import type { Random } from '#lib/base/random.ts';
import type { Purse, Till } from '#lib/pay/ports.ts';
import { loadIdentity } from '#lib/peer/identity.ts';
import type { TierCheck } from '#lib/peer/tiers/check.ts';
import { createPeer, type Peer, type PeerComponents } from '#lib/peer/peer.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import type { NetworkView } from '#lib/state/network.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { IdentityLock } from './identity-lock.ts';

/**
 * A peer under one key. `own`: the device's stored key, for the tab that holds the lock. `guest` and `private`: a fresh key
 * that is dropped with the page, along with the receipts under it.
 */
export interface Session {
  readonly kind: SessionKind;
  readonly peer: Peer;
  /** Its key; never leaves this tab. */
  readonly signer: Signer;
}

export type SessionKind = NetworkView['identity'];

export interface SessionComponents {
  readonly storage: KeyValue;
  readonly relays: () => Promise<readonly string[]>;
  readonly iceServers: () => readonly RTCIceServer[];
  /** For `Libp2pNetOptions.directTimeoutMs`. */
  readonly directTimeoutMs: () => number | undefined;
  /** Only a page loaded over plain http may dial `ws://`. */
  readonly insecureDial: 'allow' | 'refuse';
  readonly wakeups: (wake: () => void) => () => void;
  readonly onModelFailed: NonNullable<PeerComponents['onModelFailed']>;
  /** Offers are dated and checked by it, so it must be correct. */
  readonly clock: Clock;
  readonly onRelayTime: NonNullable<PeerComponents['onRelayTime']>;
  /** What others may call this device. */
  readonly nickname: NonNullable<PeerComponents['nickname']>;
  /** Of the device: it pays and is paid under the device's key alone. */
  readonly purse: Purse;
  readonly till: Till;
  readonly tierCheck: TierCheck;
  readonly random: Random;
  readonly logger: Logger;
}

/** Opens a session and starts its peer. Loads libp2p, which the first paint does not need. */
export async function openSession(kind: SessionKind, components: SessionComponents): Promise<Session> {
  const { random, clock, logger } = components;
  const storage = kind === 'own' ? components.storage : createMemoryStorage();
  const [{ createLibp2pNet }, identity] = await Promise.all([
    loadPart(() => import('./tab-net.ts')),
    kind === 'own' ? loadIdentity({ storage, random, logger }) : freshIdentity(random),
  ]);
  const net = createLibp2pNet({
    seed: identity.seed,
    relays: components.relays,
    clock,
    random,
    logger,
    transports: 'tab',
    iceServers: components.iceServers(),
    directTimeoutMs: components.directTimeoutMs(),
    insecureDial: components.insecureDial,
    wakeups: components.wakeups,
  });
  const peer = await createPeer({
    net,
    signer: identity.signer,
    storage,
    clock,
    random,
    logger,
    role: 'tab',
    discovery: 'client',
    nickname: kind === 'own' ? components.nickname : undefined,
    slotsOf: 'machine',
    onModelFailed: components.onModelFailed,
    onRelayTime: components.onRelayTime,
    tierCheck: components.tierCheck,
    purse: kind === 'own' ? components.purse : undefined,
    till: kind === 'own' ? components.till : undefined,
  });
  await peer.start();
  return { kind, peer, signer: identity.signer };
}

function freshIdentity(random: Random) {
  const seed = random.bytes(32);
  return { seed, signer: createSigner(seed) };
}

/**
 * The sessions of this tab. The device session has the device's key and exists only while this tab holds the lock. It also
 * asks the network, unless another tab holds the lock (`guest`) or the user wants to stay anonymous (`private`).
 */
export interface Sessions {
  /** The session that asks the network. Resolves once there is one and no change is in progress. */
  asking(): Promise<Session>;
  /**
   * Runs one job in the session that asks the network, or in the one that answers this device itself. Sessions do not
   * change during a job, and a job that comes while a change is waiting starts after it: never under the previous key.
   */
  during<T>(
    role: 'asking' | 'serving',
    run: (session: Session) => AsyncIterable<T>,
    options: AbortOptions,
  ): AsyncIterable<T>;
  /** Brings the sessions in line with the lock and the settings, once no job is running. */
  reconcile(): Promise<void>;
  /** In private mode: uses a fresh key from now on. */
  renewPrivate(): Promise<void>;
  /** Leaves the network under the device's key. */
  closeDeviceSession(): Promise<void>;
  /** The peers of all open sessions. */
  peers(): readonly Peer[];
  stop(): Promise<void>;
}

export interface SessionsComponents {
  /** Opens a session and starts its peer. */
  readonly open: (kind: SessionKind) => Promise<Session>;
  readonly lock: () => Pick<IdentityLock, 'held'>;
  readonly privateMode: () => boolean;
  readonly onChange: (asking: Session, serving: Session) => void;
}

export function createSessions({ open, lock, privateMode, onChange }: SessionsComponents): Sessions {
  let device: Session | undefined;
  let asking: Session | undefined;
  let jobs = 0;
  /** Set while a change waits for running jobs to end. */
  let deferred: PromiseWithResolvers<void> | undefined;
  let stopped = false;
  let opened = Promise.withResolvers<void>();
  opened.promise.catch(() => undefined);
  const changes = createMutex();
  const change = (task: () => Promise<void>): Promise<void> => changes.run(async () => (stopped ? undefined : task()));

  const kindNow = (): SessionKind => (privateMode() ? 'private' : lock().held ? 'own' : 'guest');

  async function apply(renew: 'keep' | 'renew'): Promise<void> {
    const kind = kindNow();
    if (lock().held) device ??= await open('own');
    else if (device) {
      await device.peer.stop();
      if (asking === device) asking = undefined;
      device = undefined;
    }
    const old = asking;
    if (kind === 'own') asking = device;
    else if (old?.kind !== kind || renew === 'renew') asking = await open(kind);
    if (old && old !== asking && old !== device) await old.peer.stop();
    opened.resolve();
    if (asking) onChange(asking, device ?? asking);
  }

  /** Those that wait for the first session wait for the next try. */
  const failOpening = (cause: unknown) => {
    opened.reject(cause);
    opened = Promise.withResolvers<void>();
    opened.promise.catch(() => undefined);
  };

  /** Opens a session to ask in after the device session has closed. */
  const reopen = async () => {
    try {
      asking ??= await open('guest');
      onChange(asking, asking);
    } catch (error) {
      failOpening(error);
      throw error;
    }
  };

  const reconcile = async (): Promise<void> => {
    if (jobs > 0) {
      deferred ??= Promise.withResolvers<void>();
      return;
    }
    const waiting = deferred;
    deferred = undefined;
    await change(() => apply('keep'))
      .catch((error: unknown) => {
        if (!asking) failOpening(error);
        throw error;
      })
      .finally(() => waiting?.resolve());
  };

  /** Waits until no change is in progress or waiting. What follows synchronously has the sessions to itself. */
  const settled = async (signal?: AbortSignal): Promise<void> => {
    do await raceSignal(Promise.all([opened.promise, deferred?.promise, changes.idle()]), signal);
    while (deferred || changes.pending > 0);
  };

  return {
    async asking() {
      await settled();
      return asking!;
    },
    async *during(role, run, { signal }) {
      await settled(signal);
      const session = role === 'asking' ? asking! : (device ?? asking)!;
      jobs += 1;
      try {
        yield* run(session);
      } finally {
        jobs -= 1;
        if (jobs === 0 && deferred) void reconcile().catch(() => undefined);
      }
    },
    reconcile,
    renewPrivate: () => change(async () => (kindNow() === 'private' ? apply('renew') : undefined)),
    closeDeviceSession: () =>
      change(async () => {
        if (!device) return;
        const leaving = device;
        device = undefined;
        if (asking === leaving) asking = undefined;
        try {
          // First: the next holder of the key cannot be reached while this node runs.
          await leaving.peer.stop();
        } finally {
          await reopen();
        }
      }),
    peers: () => [...new Set([device, asking])].flatMap((session) => session?.peer ?? []),
    async stop() {
      stopped = true;
      await changes.idle();
      await Promise.all([...new Set([device, asking])].map((session) => session?.peer.stop()));
    },
  };
}
