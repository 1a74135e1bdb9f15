import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '#lib/base/clock.ts';
import { runChecks, type Check, type Finding } from './finding.ts';

/** A server on a free loopback port, closed by `await using`. */
export async function serverThat(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { server, port, url: new URL(`http://127.0.0.1:${port}`), close, [Symbol.asyncDispose]: close };
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = await serverThat(() => undefined);
  await server.close();
  return server.port;
}

export const found = async (check: Check): Promise<Finding> => (await runChecks([check], systemClock))[0]!;

/** `/health` and `/relay.json` as a relay answers them. */
export const asRelay =
  (change: object = {}): RequestListener =>
  (request, response) => {
    const info = { peer: relayPeer, build: '0.1.0', protocol: 2, network: 'small', ...change };
    const health = { state: 'serving', build: '0.1.0', peers: 3, offers: 2 };
    const body = { '/relay.json': info, '/health': health }[request.url ?? ''];
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}));
  };

export const relayPeer = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo';
