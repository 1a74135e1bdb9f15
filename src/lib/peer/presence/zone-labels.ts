import { concatBytes, fromHex, utf8Encode } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import { labelledZone, zoneOfAddress, type Zone } from '#lib/market/zone.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

const secretBytes = 32;
const labelLength = 16;

/**
 * What a relay calls the zone of an address: the same for each of its peers there, and nothing to others. Keyed with a secret
 * of this process, since all zones there are could be hashed in a moment. Undefined for an address that names no zone.
 */
export function createZoneLabeller(random: Pick<Random, 'bytes'>): (address: string | undefined) => string | undefined {
  let inner: Uint8Array | undefined;
  let outer: Uint8Array | undefined;
  return (address) => {
    const zone = address === undefined ? undefined : zoneOfAddress(address);
    if (zone === undefined) return undefined;
    inner ??= random.bytes(secretBytes);
    outer ??= random.bytes(secretBytes);
    const digest = fromHex(hashBytes(concatBytes(inner, utf8Encode(zone))));
    return hashBytes(concatBytes(outer, digest)).slice(0, labelLength);
  };
}

/** Where relays place the peers that are connected to them, by each one's own labels. */
export interface ZoneLabels {
  /** The label on a peer's latest offer; undefined where it has none. */
  note(relay: PeerId, peer: PeerId, label: string | undefined): void;
  /** The relay is no longer followed, or has begun anew: perhaps with other labels. */
  forget(relay: PeerId): void;
  /** As the relay says that was followed first. */
  zoneOf(peer: PeerId): Zone | undefined;
}

const peersPerRelayMax = 4_096;

export function createZoneLabels(): ZoneLabels {
  const byRelay = new Map<PeerId, Map<PeerId, Zone>>();
  return {
    note(relay, peer, label) {
      const labels = byRelay.get(relay) ?? new Map<PeerId, Zone>();
      byRelay.set(relay, labels);
      labels.delete(peer);
      if (label) labels.set(peer, labelledZone(relay, label));
      if (labels.size > peersPerRelayMax) labels.delete(labels.keys().next().value!);
    },
    forget: (relay) => void byRelay.get(relay)?.clear(),
    zoneOf(peer) {
      for (const labels of byRelay.values()) {
        const zone = labels.get(peer);
        if (zone !== undefined) return zone;
      }
      return undefined;
    },
  };
}
