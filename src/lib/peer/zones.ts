import { zoneOfAddress, type Zone } from '#lib/market/zone.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Net } from '#lib/net/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/** Where the peers are that this net has been connected to, and which of them are in this process. */
export interface Zones {
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

/** Reads the connections again when something has changed and somebody asks. */
export function createZones(net: Pick<Net, 'status' | 'onStatus'>, clock: Pick<Clock, 'elapsed'>): Zones {
  const zones = new Map<PeerId, Zone>();
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
      zones.delete(peer);
      zones.set(peer, zone);
      const [oldest] = zones.keys();
      if (zones.size > zonesMax && oldest !== undefined) zones.delete(oldest);
    }
  };
  const zoneOf = (peer: PeerId) => {
    if (isStale) refresh();
    return zones.get(peer);
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
      broken.delete(zone);
      broken.set(zone, { count, atMs: clock.elapsed() });
      const [oldest] = broken.keys();
      if (broken.size > zonesMax) broken.delete(oldest);
    },
    isOwn(peer) {
      if (isStale) refresh();
      return own.has(peer);
    },
  };
}
