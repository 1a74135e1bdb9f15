/**
 * Where a worker is, as coarsely as addresses are handed out: keys are free and addresses are not. Workers of one zone share
 * what strangers are given. `undefined`: it cannot be told, as of a peer behind a relay that does not say.
 */
export type Zone = string;

/**
 * The zone of an address that a connection has proved: the /24 of IPv4, the /48 of IPv6. Undefined for an address that is a
 * relay's, or a name.
 */
export function zoneOfAddress(multiaddr: string): Zone | undefined {
  if (multiaddr.includes('/p2p-circuit')) return undefined;
  const [, family, address] = multiaddr.split('/');
  if (family === 'ip4') return ip4Zone(address ?? '');
  return family === 'ip6' ? ip6Zone(address ?? '') : undefined;
}

function ip4Zone(address: string): Zone | undefined {
  const bytes = address.split('.');
  return bytes.length === 4 && bytes.every((byte) => /^\d{1,3}$/.test(byte)) ? bytes.slice(0, 3).join('.') : undefined;
}

function ip6Zone(address: string): Zone | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return ip4Zone(mapped[1]!);
  const [head = '', tail, more] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  if (zeros < 0 || more !== undefined) return undefined;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  if (groups.length !== 8 || !groups.every((group) => /^[\da-f]{1,4}$/.test(group))) return undefined;
  return groups
    .slice(0, 3)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
