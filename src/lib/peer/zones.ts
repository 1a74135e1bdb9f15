import { zoneOfAddress, type Zone } from '#lib/market/zone.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Net } from '#lib/net/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/** Where peers are, and which of them are in this process. */
export interface Zones {
  /** As a connection to the peer has proved it; else as a relay labels it. */
  zone(peer: PeerId): Zone | undefined;
  isOwn(peer: PeerId): boolean;
  /** A stranger has broken a promise: what its zone is worth to the next one. */
  noteBroken(peer: PeerId): void;
  /** Promises that strangers of the zone have broken, half of them forgotten in an hour. */
  brokenIn(zone: Zone | undefined): number;
}

/** Peers whose zones are remembered after their connections have gone. */
const zonesMax = 4_096;
const brokenHalfLifeMs = 3_600_000;

/**
 * Reads the connections again when something has changed and somebody asks. A label stands for the zone that a connection to
 * one of its peers has proved, so that those behind one address share it before and after they are dialled.
 */
export function createZones(
  net: Pick<Net, 'status' | 'onStatus'>,
  clock: Pick<Clock, 'elapsed'>,
  labelled: (peer: PeerId) => Zone | undefined = () => undefined,
): Zones {
  const zones = new Map<PeerId, Zone>();
  const proved = new Map<Zone, Zone>();
  const broken = new Map<Zone | undefined, { readonly count: number; readonly atMs: number }>();
  let own = new Set<PeerId>();
  let isStale = true;
  net.onStatus(() => (isStale = true));

  const refresh = () => {
    isStale = false;
    own = new Set();
    for (const { peer, addr, path } of net.status().connections) {
      if (path === 'loopback') own.add(peer);
      const zone = addr === undefined ? undefined : zoneOfAddress(addr);
      if (zone === undefined) continue;
      keepNewest(zones, peer, zone);
      const label = labelled(peer);
      if (label !== undefined) keepNewest(proved, label, zone);
    }
  };
  const zoneOf = (peer: PeerId) => {
    if (isStale) refresh();
    const known = zones.get(peer);
    if (known !== undefined) return known;
    const label = labelled(peer);
    return label === undefined ? undefined : (proved.get(label) ?? label);
  };
  const brokenIn = (zone: Zone | undefined) => {
    const { count, atMs } = broken.get(zone) ?? { count: 0, atMs: 0 };
    return count * 0.5 ** ((clock.elapsed() - atMs) / brokenHalfLifeMs);
  };
  return {
    zone: zoneOf,
    brokenIn,
    noteBroken(peer) {
      const zone = zoneOf(peer);
      const count = brokenIn(zone) + 1;
      keepNewest(broken, zone, { count, atMs: clock.elapsed() });
    },
    isOwn(peer) {
      if (isStale) refresh();
      return own.has(peer);
    },
  };
}

function keepNewest<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > zonesMax) map.delete(map.keys().next().value!);
}
