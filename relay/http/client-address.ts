import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { TabloomError } from '#lib/base/errors.ts';

/** The origin of a connection. */
export interface ClientAddress {
  /** IPv4, or IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export type ResolveClientAddress = (request: IncomingMessage) => ClientAddress;

/** Longest chain of proxies that is followed. */
const hopsMax = 16;

/**
 * Resolves a client's address: the socket's own or, behind trusted proxies, the right-most address in `X-Forwarded-For`
 * that is not a proxy's. Anything left of it could be forged, and the header is ignored when it comes from anyone else.
 * Where it is malformed, the last known hop is used.
 * @param trusted networks in CIDR notation; a bare address is a single host.
 * @throws `bad-setting`.
 */
export function createClientAddressResolver(trusted: readonly string[]): ResolveClientAddress {
  const isProxy = createProxyTest(trusted);

  return ({ headers, socket }) => {
    const port = socket.remotePort ?? 0;
    let host = bareAddress(socket.remoteAddress ?? '') ?? '0.0.0.0';
    const forwarded = headers['x-forwarded-for'];
    if (forwarded === undefined) return { host, port };
    for (const hop of String(forwarded).split(',').toReversed().slice(0, hopsMax)) {
      const before = bareAddress(hop.trim());
      if (!isProxy(host) || before === undefined) break;
      host = before;
    }
    return { host, port };
  };
}

/**
 * Whether an address is a trusted proxy's; it may be written as sockets do, mapped into IPv6.
 * @throws as {@link createClientAddressResolver} does.
 */
export function createProxyTest(trusted: readonly string[]): (address: string) => boolean {
  const proxies = new BlockList();
  for (const network of trusted) addSubnet(proxies, network);
  return (address) => {
    const host = bareAddress(address);
    return host !== undefined && proxies.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
  };
}

/** Strips port, brackets, zone and the IPv4-mapped prefix; undefined if the rest is no address. */
function bareAddress(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const host = bare.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '');
  return isIP(host) === 0 ? undefined : host;
}

function addSubnet(proxies: BlockList, network: string): void {
  const [host = '', bits, ...rest] = network.split('/');
  const version = isIP(host);
  const longest = version === 6 ? 128 : 32;
  const length = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (version === 0 || rest.length > 0 || !(length <= longest)) {
    throw new TabloomError('bad-setting', `"${network}" is no network; write it like 10.0.0.0/8 or 127.0.0.1.`);
  }
  proxies.addSubnet(host, length, version === 6 ? 'ipv6' : 'ipv4');
}
