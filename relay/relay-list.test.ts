import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { protocolVersion } from '#lib/protocol/version.ts';
import { createRelayList } from './relay-list.ts';

const peer = (number: number) => createSigner(new Uint8Array(32).fill(number)).peer;

/** Relays `a`, `b` and so on at port 80; what each answers is in `answers`, by name. */
function setup(names: readonly string[]) {
  const clock = manualClock();
  const answers = new Map<string, () => Promise<Response>>();
  const life = new AbortController();
  let found = 0;
  const fetch = async (input: Parameters<typeof globalThis.fetch>[0]) => {
    const answer = answers.get(new URL(String(input)).hostname);
    if (!answer) throw new TypeError('refused');
    return answer();
  };
  const list = createRelayList({
    urls: names.map((name) => new URL(`http://${name}/`)),
    fetch: fetch as typeof globalThis.fetch,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    signal: life.signal,
  });
  list.onFound(() => found++);
  const set = (name: string, number: number, relays?: readonly string[], payments?: object) => {
    const info = { peer: peer(number), build: '1', protocol: protocolVersion, network: 'small', relays, payments };
    answers.set(name, async () => Response.json(info));
  };
  return { clock, answers, life, list, set, found: () => found };
}

const address = (name: string, number: number) => `/dns4/${name}/tcp/80/ws/p2p/${peer(number)}`;

test('the relays that answer, under the key that each has now', async () => {
  const { list, set } = setup(['a', 'b']);
  set('a', 1);
  expect(await list.addresses()).toEqual([address('a', 1)]);
  set('a', 2);
  set('b', 3);
  expect(await list.addresses()).toEqual([address('a', 2), address('b', 3)]);
  expect([list.includes(peer(2)), list.includes(peer(1))]).toEqual([true, false]);
  expect(list.urlOf(peer(3))).toBe('http://b');
});

test('those that send for others on a chain, where they say', async () => {
  const { list, set } = setup(['a', 'b', 'c', 'd']);
  const rpc = '/pay/rpc';
  set('a', 1, undefined, { chain: 5, rpc, sponsor: '/pay/sponsor' });
  set('b', 2, undefined, { chain: 5, rpc });
  set('c', 3, undefined, { chain: 6, rpc, sponsor: '/pay/sponsor' });
  set('d', 4);
  await list.addresses();
  expect(list.sponsorsOn(5).map(String)).toEqual(['http://a/pay/sponsor']);
});

test('one that is silent keeps its address, behind those that answer', async () => {
  const { list, set, answers } = setup(['a', 'b', 'c']);
  for (const [index, name] of ['a', 'b'].entries()) set(name, index + 1);
  await list.addresses();
  answers.delete('a');
  set('c', 3);
  expect(await list.addresses()).toEqual([address('b', 2), address('c', 3), address('a', 1)]);
});

test('the public relays that they name come last, and are none of the list’s own', async () => {
  const { list, set } = setup(['a']);
  const far = `/dns4/far.example/tcp/443/wss/p2p/${peer(2)}`;
  set('a', 1, [far, address('b', 3), `/ip4/10.0.0.1/tcp/443/wss/p2p/${peer(4)}`]);
  expect(await list.addressesWithLearned()).toEqual([address('a', 1), far]);
  expect(await list.addresses()).toEqual([address('a', 1)]);
  expect([list.includes(peer(1)), list.includes(peer(2))]).toEqual([true, false]);
});

test('one that was away at the start is found when it comes, and nothing is asked after that', async () => {
  const { clock, list, set, found, answers } = setup(['a', 'b']);
  set('a', 1);
  await list.addresses();
  await clock.advance(60_000);
  expect(found()).toBe(0);
  set('b', 2);
  await clock.advance(60_000);
  expect(found()).toBe(1);
  let asked = 0;
  for (const name of ['a', 'b']) answers.set(name, async () => Response.json((asked++, {})));
  await clock.advance(600_000);
  expect([found(), asked]).toEqual([1, 0]);
});

test.each([
  ['hangs', () => new Promise<Response>(() => undefined)],
  ['never ends', async () => new Response(new ReadableStream())],
  ['is too long', async () => new Response(' '.repeat(20_000))],
  ['is a page', async () => new Response('<html></html>')],
  ['names no peer', async () => Response.json({ peer: 'me' })],
  ['is an error', async () => new Response('{}', { status: 503 })],
])('an answer that %s counts as silence', async (_name, answer) => {
  const { clock, list, set, answers } = setup(['a', 'b']);
  set('a', 1);
  answers.set('b', answer);
  const addresses = list.addresses();
  await clock.advance(3_000);
  expect(await addresses).toEqual([address('a', 1)]);
});

test('when its owner stops, nothing is asked any more', async () => {
  const { clock, list, set, life, found } = setup(['a']);
  life.abort();
  set('a', 1);
  expect(await list.addresses()).toEqual([]);
  await clock.advance(60_000);
  expect(found()).toBe(0);
});
