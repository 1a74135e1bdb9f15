import { zoneOfAddress, type Zone } from '#lib/market/zone.ts';
import type { Net } from '#lib/net/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/** Where the peers are that this net has been connected to, and which of them are in this process. */
export interface Zones {
  zone(peer: PeerId): Zone | undefined;
  isOwn(peer: PeerId): boolean;
}

/** Peers whose zones are remembered after their connections have gone. */
const zonesMax = 4_096;

/** Reads the connections again when something has changed and somebody asks. */
export function createZones(net: Pick<Net, 'status' | 'onStatus'>): Zones {
  const zones = new Map<PeerId, Zone>();
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
  return {
    zone(peer) {
      if (isStale) refresh();
      return zones.get(peer);
    },
    isOwn(peer) {
      if (isStale) refresh();
      return own.has(peer);
    },
  };
}
