import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * Where a worker is, as coarsely as addresses are handed out: keys are free and addresses are not. Workers of one zone share
 * what strangers are given. `undefined`: it cannot be told, as of a peer behind a relay that does not label it.
 */
export type Zone = string;

/**
 * The zone of an address that a connection has proved: the /24 of IPv4, the /48 of IPv6. Undefined for an address that is a
 * relay's, or a name.
 */
export const zoneOfAddress = (multiaddr: string): Zone | undefined => zoneOfHost(hostOfAddress(multiaddr) ?? '');

/** A zone by the word of one relay. Labels of two relays make two zones, whatever they are. */
export const labelledZone = (relay: PeerId, label: string): Zone => `${relay}/${label}`;

/** The relay on whose word alone a zone rests; undefined for one that a connection has proved. */
export function labellerOf(zone: Zone | undefined): PeerId | undefined {
  const relay = zone?.slice(0, Math.max(0, zone.indexOf('/')));
  return relay === '' ? undefined : relay;
}

/** The IP address that a connection has proved; undefined as for {@link zoneOfAddress}. */
export function hostOfAddress(multiaddr: string): string | undefined {
  if (multiaddr.includes('/p2p-circuit')) return undefined;
  const [, family, host] = multiaddr.split('/');
  return family === 'ip4' || family === 'ip6' ? host : undefined;
}

/** The zone of an IP address; undefined for anything else. */
export function zoneOfHost(host: string): Zone | undefined {
  const groups = groupsOf(host);
  return groups && (groups.length === 4 ? groups.slice(0, 3).join('.') : groups.slice(0, 3).join(':'));
}

/** What one machine has: an address of IPv4, or the /64 of IPv6, all of which is its own. Undefined for anything else. */
export function machineOfHost(host: string): string | undefined {
  const groups = groupsOf(host);
  return groups && (groups.length === 4 ? groups.join('.') : groups.slice(0, 4).join(':'));
}

/** The four numbers of IPv4, mapped into IPv6 or not, or the eight groups of IPv6 without leading zeros. */
function groupsOf(host: string): readonly string[] | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host);
  const bytes = (mapped?.[1] ?? host).split('.');
  if (bytes.length === 4) return bytes.every((byte) => /^\d{1,3}$/.test(byte)) ? bytes : undefined;
  const [head = '', tail, more] = host.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  if (zeros < 0 || more !== undefined) return undefined;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  if (groups.length !== 8 || !groups.every((group) => /^[\da-f]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16).toString(16));
}
