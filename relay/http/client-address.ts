import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { TabloomError } from '#lib/base/errors.ts';

/** Where a request comes from. */
export interface ClientAddress {
  /** IPv4, or IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export type FindClient = (request: IncomingMessage) => ClientAddress;

/** Proxies one behind another that are followed. */
const hopsMax = 16;

/**
 * The address of the client: the socket's own, or behind proxies that are trusted the right-most address of
 * `X-Forwarded-For` that is none of theirs. What stands left of it anybody could have written, and from anybody else the
 * header means nothing. Where it is malformed the last hop that is known is taken.
 * @param trusted networks in CIDR form; an address alone is one machine.
 * @throws `bad-setting`.
 */
export function createFindClient(trusted: readonly string[]): FindClient {
  const proxies = new BlockList();
  for (const network of trusted) addNetwork(proxies, network);
  const isProxy = (host: string) => proxies.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');

  return ({ headers, socket }) => {
    const port = socket.remotePort ?? 0;
    let host = plain(socket.remoteAddress ?? '') ?? '0.0.0.0';
    const hops = String(headers['x-forwarded-for'] ?? '').split(',');
    for (const hop of hops.toReversed().slice(0, hopsMax)) {
      const before = plain(hop.trim());
      if (!isProxy(host) || before === undefined) break;
      host = before;
    }
    return { host, port };
  };
}

/** Without port, brackets, zone and the prefix of IPv4 in IPv6; undefined for what is no address. */
function plain(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const host = bare.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '');
  return isIP(host) === 0 ? undefined : host;
}

function addNetwork(proxies: BlockList, network: string): void {
  const [host = '', bits, ...rest] = network.split('/');
  const version = isIP(host);
  const longest = version === 6 ? 128 : 32;
  const length = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (version === 0 || rest.length > 0 || !(length <= longest)) {
    throw new TabloomError('bad-setting', `"${network}" is no network; write it like 10.0.0.0/8 or 127.0.0.1.`);
  }
  proxies.addSubnet(host, length, version === 6 ? 'ipv6' : 'ipv4');
}
