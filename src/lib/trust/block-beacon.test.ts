import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { agreedBlocks } from './agreed-blocks.ts';
import { createBlockBeacon, type Block, type Blocks } from './block-beacon.ts';
import { blockServer } from './block-server.ts';

const clockAt = (ms: number) => ({ now: () => ms });
const late = clockAt(10_000_000);
const hashOf = (number: number, fork = '') => `0x${(fork + number.toString(16)).padStart(64, '0')}`;

/** A block every 7 seconds, the first dated 4. */
const blockAt = (number: number, fork = ''): Block => ({
  number,
  hash: hashOf(number, fork),
  timestamp: 4 + 7 * number,
});
const blocksTo = (
  head: number,
  { gone = [], fork = '' }: { gone?: readonly number[]; fork?: string } = {},
): Blocks => ({
  head: async () => blockAt(head, fork),
  at: async (number) => (number > head || gone.includes(number) ? undefined : blockAt(number, fork)),
});
const silent: Blocks = { head: async () => undefined, at: async () => undefined };
const hanging: Blocks = { head: () => new Promise(() => undefined), at: () => new Promise(() => undefined) };
const beaconOf = (blocks: Blocks, clock = late) =>
  createBlockBeacon({ chain: 31_337, blocks, clock, confirmations: 5, periodSeconds: 60 });
const typeOf = async (blocks: Blocks, clock = late) => (await beaconOf(blocks, clock).value(2)).type;

test('a round is the first block that no node could have had at its time, once enough follow it', async () => {
  // Round 2 is due at second 120, and a block may be dated 15 seconds ahead: block 19 is dated 137, and 18 is dated 130.
  const value = await beaconOf(blocksTo(24)).value(2);
  expect(value).toMatchObject({ type: 'value', round: 2 });
  expect(value).toEqual(await beaconOf(blocksTo(400)).value(2));
  const other = blocksTo(400);
  const changed: Blocks = { ...other, at: async (number) => blockAt(number, number === 18 ? 'f' : '') };
  expect(await beaconOf(changed).value(2)).toEqual(value);
  expect(await beaconOf(blocksTo(400)).value(3)).not.toEqual({ ...value, round: 3 });
});

test.each([
  ['too few follow it', blocksTo(23), late, 'not-yet'],
  ['it is not there', blocksTo(10), late, 'not-yet'],
  ['it is not due', blocksTo(400), clockAt(119_999), 'not-yet'],
  ['a block on the way is gone', blocksTo(400, { gone: [208] }), late, 'missing'],
  ['nobody answers', silent, late, 'missing'],
  ['a source breaks', { ...silent, head: () => Promise.reject(new Error('down')) }, late, 'missing'],
  [
    'a hash is none',
    { ...blocksTo(24), at: async (number: number) => ({ ...blockAt(number), hash: '0x12' }) },
    late,
    'forged',
  ],
] as const)('where %s, that is waited out', async (_, blocks, clock, type) => {
  expect(await typeOf(blocks, clock)).toBe(type);
});

test('all who ask at once are answered by one reading, and a round that was read is not read again', async () => {
  let asked = 0;
  const blocks = blocksTo(24);
  const beacon = beaconOf({ ...blocks, head: () => ((asked += 1), blocks.head()) });
  const values = await Promise.all(Array.from({ length: 50 }, () => beacon.value(2)));
  expect(new Set(values).size).toBe(1);
  expect(await beacon.value(2)).toBe(values[0]);
  expect(asked).toBe(1);
});

test('whoever asks may go while it is read, and the others get it', async () => {
  const release = Promise.withResolvers<Block>();
  const beacon = beaconOf({ ...blocksTo(24), head: () => release.promise });
  const leaving = new AbortController();
  const gone = expect(beacon.value(2, { signal: leaving.signal })).rejects.toMatchObject({ code: 'aborted' });
  const staying = beacon.value(2);
  leaving.abort();
  await gone;
  release.resolve(blockAt(24));
  expect((await staying).type).toBe('value');
});

test('two networks that wait for other numbers of blocks draw otherwise', () => {
  const terms = { chain: 1, blocks: silent, clock: late, periodSeconds: 60 };
  const ids = [5, 6].map((confirmations) => createBlockBeacon({ ...terms, confirmations }).id);
  expect(new Set([...ids, createBlockBeacon({ ...terms, chain: 2, confirmations: 5 }).id]).size).toBe(3);
});

test.each([
  ['all agree', [blocksTo(400), blocksTo(400), blocksTo(400)], 'value'],
  ['one lags', [blocksTo(400), blocksTo(395), blocksTo(12)], 'value'],
  ['one lies', [blocksTo(400), blocksTo(400, { fork: 'f' }), blocksTo(400)], 'value'],
  ['one hangs', [hanging, blocksTo(400), blocksTo(400)], 'value'],
  ['one of two lies', [blocksTo(400), blocksTo(400, { fork: 'f' })], 'missing'],
  ['one of two is silent', [blocksTo(400), silent], 'missing'],
  ['each tells another chain', ['', 'f', 'e'].map((fork) => blocksTo(400, { fork })), 'missing'],
  ['there is none', [], 'missing'],
] as const)('of several servers: %s', async (_, sources, type) => {
  expect(await typeOf(agreedBlocks(sources))).toBe(type);
});

test('while a chain is reorganised its servers disagree, and the round comes once they do not', async () => {
  let fork = 'f';
  const turning: Blocks = {
    head: async () => blockAt(400, fork),
    at: async (number) => blockAt(number, number > 15 ? fork : ''),
  };
  const beacon = beaconOf(agreedBlocks([turning, blocksTo(400)]));
  expect((await beacon.value(2)).type).toBe('missing');
  fork = '';
  expect(await beacon.value(2)).toEqual(await beaconOf(blocksTo(400)).value(2));
});

/** A JSON-RPC server by method. */
const serverOf = (answers: Readonly<Record<string, unknown>>, init?: ResponseInit) => {
  const bodies: { readonly method: string; readonly params: readonly unknown[] }[] = [];
  const fetch = (async (_url: URL, { body }: RequestInit) => {
    const asked = JSON.parse(String(body));
    bodies.push(asked);
    return Response.json({ jsonrpc: '2.0', id: 1, ...(answers[asked.method] as object) }, init);
  }) as unknown as typeof globalThis.fetch;
  return { bodies, blocks: blockServer(8453, 'https://rpc.test/secret', { fetch, clock: manualClock() }) };
};
const block = { number: '0x10', hash: hashOf(16).toUpperCase().replace('0X', '0x'), timestamp: '0x74' };
const good = { eth_chainId: { result: '0x2105' }, eth_getBlockByNumber: { result: block } };

test('a server is asked for its chain once, and for blocks', async () => {
  const { blocks, bodies } = serverOf(good);
  expect(await blocks.head()).toEqual(blockAt(16));
  expect(await blocks.at(16)).toEqual(blockAt(16));
  expect(bodies.map(({ method, params }) => [method, ...params])).toEqual([
    ['eth_chainId'],
    ['eth_getBlockByNumber', 'latest', false],
    ['eth_getBlockByNumber', '0x10', false],
  ]);
});

test.each([
  ['is of another chain', { ...good, eth_chainId: { result: '0x1' } }, {}],
  ['has no such block', { ...good, eth_getBlockByNumber: { result: null } }, {}],
  ['tells another block', { ...good, eth_getBlockByNumber: { result: { ...block, number: '0x11' } } }, {}],
  ['says an error', { ...good, eth_getBlockByNumber: { error: { code: -32_000, message: 'no' } } }, {}],
  ['tells a hash that is none', { ...good, eth_getBlockByNumber: { result: { ...block, hash: '0x1' } } }, {}],
  ['refuses', good, { status: 429 }],
  ['says too much', { ...good, eth_getBlockByNumber: { result: block, more: 'a'.repeat(3_000_000) } }, {}],
])('a server that %s has told nothing', async (_, answers, init) => {
  expect(await serverOf(answers, init).blocks.at(16)).toBeUndefined();
});
