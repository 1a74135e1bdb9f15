import { isIP } from 'node:net';

/** The multiaddr announced to peers: of the public URL where there is one, otherwise of the bound port. */
export function announcedAddress(host: string, port: number, publicUrl: URL | undefined): string {
  if (!publicUrl) return dialAddress(host, port);
  const secure = publicUrl.protocol === 'https:';
  const name = bare(publicUrl.hostname);
  return `${hostPart(name)}/tcp/${publicUrl.port || (secure ? '443' : '80')}/${secure ? 'wss' : 'ws'}`;
}

/** The multiaddr under which this machine itself dials the port. */
export function dialAddress(host: string, port: number): string {
  const name = bare(host);
  const reached = name === '0.0.0.0' || name === '::' ? '127.0.0.1' : name;
  return `${hostPart(reached)}/tcp/${port}/ws`;
}

/** The URL to open on this machine. Wildcard and loopback addresses become `localhost`, a secure context in browsers. */
export function localUrl(host: string, port: number): string {
  const bare = host.replace(/^\[|\]$/g, '');
  const name = ['127.0.0.1', '0.0.0.0', '::', '::1'].includes(bare) ? 'localhost' : bare;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

const hostPart = (name: string): string => {
  const version = isIP(name);
  return version === 0 ? `/dns4/${name}` : `/ip${version}/${name}`;
};

const bare = (host: string) => host.replace(/^\[|\]$/g, '');
