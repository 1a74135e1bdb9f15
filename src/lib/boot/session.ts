import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { loadPart } from '#lib/base/part.ts';
import { createPeer, type Peer, type PeerComponents } from '#lib/peer/peer.ts';
import { loadIdentity } from '#lib/peer/identity.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { NetworkView } from '#lib/state/network.ts';
import type { KeyValue } from '#lib/storage/spec.ts';

/**
 * A life under one key: its node and its peer. `own`: the device's key, kept, for whoever holds the lock. `guest`,
 * `private`: a key that is made now and forgotten with the page, and so are the receipts under it.
 */
export interface Session {
  readonly kind: SessionKind;
  readonly peer: Peer;
}

export type SessionKind = NetworkView['identity'];

export interface SessionComponents {
  readonly storage: KeyValue;
  readonly relays: () => Promise<readonly string[]>;
  readonly iceServers: () => readonly RTCIceServer[];
  /** Only a page that came over plain http may dial `ws://`. */
  readonly insecureDial: 'allow' | 'refuse';
  readonly wakeups: (wake: () => void) => () => void;
  readonly onModelFailed: NonNullable<PeerComponents['onModelFailed']>;
  /** Offers are dated and judged by it: it has to go right. */
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Brings libp2p in, which nothing before the first paint needs. Started. */
export async function openSession(kind: SessionKind, components: SessionComponents): Promise<Session> {
  const { random, clock, logger } = components;
  const storage = kind === 'own' ? components.storage : createMemoryStorage();
  const [{ createLibp2pNet }, identity] = await Promise.all([
    loadPart(() => import('#lib/net/libp2p/net.ts')),
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
    onModelFailed: components.onModelFailed,
  });
  await peer.start();
  return { kind, peer };
}

function freshIdentity(random: Random) {
  const seed = random.bytes(32);
  return { seed, signer: createSigner(seed) };
}
