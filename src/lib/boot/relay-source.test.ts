import { expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createRelaySource, relayAddress } from './relay-source.ts';

const { peer } = createSigner(new Uint8Array(32).fill(1));
const info = { peer, build: '0', protocol: 1, network: 'small' };

test('the address follows from the page’s own', () => {
  const addresses = ['http://127.0.0.1:8080', 'https://tabloom.example.org', 'http://[::1]:81', 'http://localhost'];
  expect(addresses.map((base) => relayAddress(new URL(base), 'P'))).toEqual([
    '/ip4/127.0.0.1/tcp/8080/ws/p2p/P',
    '/dns4/tabloom.example.org/tcp/443/wss/p2p/P',
    '/ip6/::1/tcp/81/ws/p2p/P',
    '/dns4/localhost/tcp/80/ws/p2p/P',
  ]);
});

test('those that have never answered as a relay does are left out', async () => {
  const answers: Record<string, () => Response> = {
    'http://own.test/relay.json': () => Response.json(info),
    'http://broken.test/relay.json': () => Response.json({ peer: 'nobody' }),
    'http://missing.test/relay.json': () => new Response('', { status: 404 }),
  };
  const source = createRelaySource({
    fetch: async (url) => {
      const answer = answers[String(url)];
      if (!answer) throw new TypeError('no route');
      return answer();
    },
    origin: 'http://own.test',
    others: () => ['http://broken.test', 'http://missing.test', 'http://away.test', 'no url', '/ip4/1.2.3.4/tcp/1/ws'],
  });
  expect(await source()).toEqual([`/dns4/own.test/tcp/80/ws/p2p/${peer}`, '/ip4/1.2.3.4/tcp/1/ws']);
});

test('one that has answered keeps its address while it is silent', async () => {
  let answer: (() => Response) | undefined = () => Response.json(info);
  const source = createRelaySource({
    fetch: async () => {
      if (!answer) throw new TypeError('no route');
      return answer();
    },
    origin: 'http://own.test',
    others: () => [],
  });
  const address = `/dns4/own.test/tcp/80/ws/p2p/${peer}`;
  expect(await source()).toEqual([address]);
  answer = undefined;
  expect(await source()).toEqual([address]);
  answer = () => new Response('', { status: 503 });
  expect(await source()).toEqual([address]);
});

test('public relays that a relay names come last, and stay while it is silent; others are left out', async () => {
  const far = `/dns4/far.example/tcp/443/wss/p2p/${peer}`;
  const relays = [far, `/ip4/192.168.1.1/tcp/443/wss/p2p/${peer}`, '/dns4/nobody.example/tcp/443/wss'];
  let isUp = true;
  const source = createRelaySource({
    fetch: async () => (isUp ? Response.json({ ...info, relays }) : new Response('', { status: 503 })),
    origin: 'http://own.test',
    others: () => ['/ip4/1.2.3.4/tcp/1/ws'],
  });
  const expected = [`/dns4/own.test/tcp/80/ws/p2p/${peer}`, '/ip4/1.2.3.4/tcp/1/ws', far];
  expect(await source()).toEqual(expected);
  isUp = false;
  expect(await source()).toEqual(expected);
});

test('what the page’s own relay says of payments is told with absolute addresses, and no other relay’s is', async () => {
  const payments = { chain: 31_337, rpc: '/pay/rpc', faucet: '/pay/faucet' };
  const told: unknown[] = [];
  const source = createRelaySource({
    fetch: async (url) =>
      Response.json(
        String(url).startsWith('http://own.test')
          ? { ...info, payments }
          : { ...info, payments: { ...payments, chain: 1 } },
      ),
    origin: 'http://own.test',
    others: () => ['http://other.test'],
    onPayments: (named) => void told.push(named),
  });
  await source();
  expect(told).toEqual([
    { chain: 31_337, rpc: 'http://own.test/pay/rpc', faucet: 'http://own.test/pay/faucet', sponsor: undefined },
  ]);
});

test('what the page’s own relay says of audits is told, and that it follows none', async () => {
  const audits = { validators: [{ peer, engineClass: '' }], share: 20_000, beacons: ['https://beacon.test/'] };
  const told: unknown[] = [];
  const source = createRelaySource({
    fetch: async (url) => Response.json(String(url).startsWith('http://own.test') ? info : { ...info, audits }),
    origin: 'http://own.test',
    others: () => ['http://other.test'],
    onAudits: (terms) => void told.push(terms),
  });
  await source();
  expect(told).toEqual([undefined]);
});

test('where the blocks are read that pick is an address, of the page’s own relay where it is a path', async () => {
  const told: unknown[] = [];
  const blocks = { chain: 8453, confirmations: 64, rpc: '/pay/rpc' };
  const audits = { validators: [{ peer, engineClass: '' }], share: 0, beacons: ['https://beacon.test/'], blocks };
  const source = createRelaySource({
    fetch: async () => Response.json({ ...info, audits }),
    origin: 'http://own.test',
    others: () => [],
    onAudits: (terms) => void told.push(terms?.blocks),
  });
  await source();
  expect(told).toEqual([{ ...blocks, rpc: 'http://own.test/pay/rpc' }]);
});

test('what the page has asked already is taken for the first attempt only', async () => {
  let fetched = 0;
  const source = createRelaySource({
    fetch: async () => {
      fetched += 1;
      return Response.json(info);
    },
    origin: 'http://own.test',
    others: () => [],
    asked: Promise.resolve({ info, dateAt: Number.NaN, receivedAt: 0, roundTripMs: 1 }),
  });
  const address = `/dns4/own.test/tcp/80/ws/p2p/${peer}`;
  expect(await source()).toEqual([address]);
  expect(fetched).toBe(0);
  expect(await source()).toEqual([address]);
  expect(fetched).toBe(1);
});

test('a relay that did not answer the page is asked again', async () => {
  const source = createRelaySource({
    fetch: async () => Response.json(info),
    origin: 'http://own.test',
    others: () => [],
    asked: Promise.resolve(undefined),
  });
  expect(await source()).toEqual([`/dns4/own.test/tcp/80/ws/p2p/${peer}`]);
});
