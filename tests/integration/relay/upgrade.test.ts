import { afterEach, expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { createClientAddressResolver } from '../../../relay/http/client-address.ts';
import type { ConnectionLimits } from '../../../relay/http/connection-limits.ts';
import { createGuard } from '../../../relay/http/guard.ts';
import { listen } from '../../../relay/http/server.ts';
import { createUpgradeHandler } from '../../../relay/http/upgrade.ts';
import type { RelayNode } from '../../../relay/node/relay.ts';
import { netAt, relayOn, reserved, until } from '../net/ground.ts';
import { wireTo, type WireOptions } from '../net/wire.ts';

const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A relay behind its HTTP server, as the program composes them. */
async function relayBehindHttp(number: number, trustedProxies: readonly string[]) {
  let relay: RelayNode | undefined;
  const guard = createGuard({ bindHost: '127.0.0.1', allowedHosts: [], allowedOrigins: [] });
  const resolveClient = createClientAddressResolver(trustedProxies);
  const limits: ConnectionLimits = { admit: () => ({ release: () => undefined }) };
  const upgrades = createUpgradeHandler({
    guard,
    resolveClient,
    accept: () => relay?.accept,
    logger: silentLogger,
    limits,
  });
  const http = await listen({
    limits,
    isProxy: () => false,
    host: '127.0.0.1',
    port: 0,
    upgrades,
    onRequest: (_request, response) => void response.end(),
  });
  ends.push(() => http.close());
  const announce = [`/ip4/127.0.0.1/tcp/${http.port}/ws`];
  relay = relayOn(number, { listenPort: undefined, announce });
  ends.push(() => relay!.stop());
  await relay.start();
  return { http, relay, upgrades };
}

/** A peer that comes over a wire; where it stands for the relay. */
async function comeOver(relay: RelayNode, port: number, number: number, options: WireOptions) {
  const wire = await wireTo(port, options);
  ends.push(() => wire.stop());
  const net = netAt([`/ip4/127.0.0.1/tcp/${wire.port}/ws/p2p/${relay.self}`], number);
  ends.push(() => net.stop());
  await net.start();
  await reserved(net);
  return relay
    .status()
    .connections.find(({ peer }) => peer === net.self)!
    .addr!.replace(/\/tcp\/\d+/, '');
}

test('the relay sees each peer where it is, and has no port of its own', async () => {
  const { http, relay } = await relayBehindHttp(8_301, []);
  expect(relay.listening()).toBeUndefined();
  const seen = [
    await comeOver(relay, http.port, 8_302, { from: '127.0.0.2' }),
    await comeOver(relay, http.port, 8_303, { from: '127.0.0.3' }),
    // Nobody is trusted to say so.
    await comeOver(relay, http.port, 8_304, { from: '127.0.0.4', forwarded: '1.2.3.4' }),
  ];
  expect(seen).toEqual(['/ip4/127.0.0.2/ws', '/ip4/127.0.0.3/ws', '/ip4/127.0.0.4/ws'].map(withPeer(seen)));
});

test('behind a trusted proxy it sees the address that the proxy names, and no other’s word', async () => {
  const { http, relay } = await relayBehindHttp(8_311, ['127.0.0.2', '127.0.0.3/32']);
  const seen = [
    await comeOver(relay, http.port, 8_312, { from: '127.0.0.2', forwarded: '6.6.6.6, 1.2.3.4, 127.0.0.3' }),
    await comeOver(relay, http.port, 8_313, { from: '127.0.0.2', forwarded: 'nonsense' }),
    await comeOver(relay, http.port, 8_314, { from: '127.0.0.9', forwarded: '1.2.3.4' }),
  ];
  expect(seen).toEqual(['/ip4/1.2.3.4/ws', '/ip4/127.0.0.2/ws', '/ip4/127.0.0.9/ws'].map(withPeer(seen)));
});

/** The multiaddr may end in the peer's id. */
const withPeer = (seen: readonly string[]) => (address: string, i: number) =>
  `${address}${/\/p2p\/.*$/.exec(seen[i]!)?.[0] ?? ''}`;

test('a relay that stops takes its sockets along, and takes none any more', async () => {
  const { http, relay, upgrades } = await relayBehindHttp(8_321, []);
  const net = netAt([`/ip4/127.0.0.1/tcp/${http.port}/ws/p2p/${relay.self}`], 8_322);
  ends.push(() => net.stop());
  await net.start();
  await reserved(net);
  expect(upgrades.size).toBe(1);
  await relay.stop();
  expect(relay.accept).toBeUndefined();
  await until(net, ({ relays }) => relays[0]!.state === 'lost');
  await relay.start();
  await reserved(net);
});
