import { RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { Connection, PeerId as Libp2pPeerId, Stream } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { channelLost } from '../errors.ts';

/**
 * Checks whether circuits through a relay reach this peer, by requesting one to itself. A reservation alone does not
 * prove it: the relay may hold it for a dead connection. The connection gater denies the circuit as soon as it arrives,
 * which is all the proof needed.
 */
export interface CircuitCheck {
  /** Also false if the relay does not answer in time. */
  reaches(connection: Connection, signal: AbortSignal): Promise<boolean>;
  /** For the connection gater: whether an incoming circuit is this peer's own check. */
  isOwn(relay: Libp2pPeerId, from: Libp2pPeerId): boolean;
}

export function createCircuitCheck(input: {
  readonly self: PeerId;
  readonly clock: Clock;
  readonly timeoutMs: number;
}): CircuitCheck {
  const question = connectMessage(peerIdFromString(input.self).toMultihash().bytes);
  const arrived = new Set<PeerId>();

  return {
    async reaches(connection, signal) {
      const relay = connection.remotePeer.toString();
      const deadline = startDeadline(input.clock, input.timeoutMs, { signal });
      let stream: Stream | undefined;
      arrived.delete(relay);
      try {
        stream = await connection.newStream(RELAY_V2_HOP_CODEC, { signal: deadline.signal });
        const answered = Promise.withResolvers<void>();
        for (const event of ['message', 'close'] as const)
          stream.addEventListener(event, () => answered.resolve(), { once: true });
        stream.send(question);
        await raceSignal(answered.promise, deadline.signal);
        return arrived.has(relay);
      } catch {
        return false;
      } finally {
        deadline.clear();
        // The relay leaves the stream open after a refusal.
        stream?.abort(channelLost());
      }
    },
    isOwn(relay, from) {
      if (from.toString() !== input.self) return false;
      arrived.add(relay.toString());
      return true;
    },
  };
}

/** Length-prefixed `HopMessage { type: CONNECT, peer: { id } }` of circuit relay v2. */
function connectMessage(id: Uint8Array): Uint8Array {
  const peer = [0x0a, id.length, ...id];
  const message = [0x08, 1, 0x12, peer.length, ...peer];
  return Uint8Array.of(message.length, ...message);
}
