import { describe, expect, test } from 'vitest';
import { followChain } from './follow-chain.ts';
import { entry, testChain } from './pay.fixture.ts';
import type { ChainEvent, Hex } from './spec.ts';

const hash = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`;

/** A chain with a claim on channel `n` in block `n`, which records the queried blocks. */
function chainAt(number: bigint, blockHash = hash(Number(number))) {
  const chain = testChain();
  const asked: (readonly [bigint, bigint])[] = [];
  return Object.assign(chain, {
    asked,
    blockHash: async (n: bigint) => (n < number ? hash(Number(n)) : n === number ? blockHash : null),
    head: async () => ({ number, hash: blockHash, timestamp: 0 }),
    events: async (from: bigint, to: bigint): Promise<readonly ChainEvent[]> => {
      asked.push([from, to]);
      const found: ChainEvent[] = [];
      for (let n = from; n <= to && found.length < 10_000; n++) {
        found.push({ type: 'claimed', channelId: hash(Number(n)), claimed: 1n, treasuryPart: 0n });
      }
      return found;
    },
  });
}

describe('following', () => {
  test('starts at the newest block and requests reading everything', async () => {
    expect(await followChain(chainAt(50n), null)).toEqual({
      bookmark: { number: 50n, hash: hash(50) },
      touched: new Set(),
      isReorganised: true,
    });
  });

  test('queries nothing if nothing has happened', async () => {
    const chain = chainAt(50n);
    expect((await followChain(chain, { number: 50n, hash: hash(50) })).touched.size).toBe(0);
    expect(chain.asked).toEqual([]);
  });

  test('reads new blocks', async () => {
    const chain = chainAt(52n);
    const news = await followChain(chain, { number: 50n, hash: hash(50) });
    expect(news).toEqual({
      bookmark: { number: 52n, hash: hash(52) },
      touched: new Set([hash(50), hash(51), hash(52)]),
      isReorganised: false,
    });
  });

  test('queries unconfirmed blocks again, so that logs lagging behind the head are not missed', async () => {
    const chain = Object.assign(chainAt(52n), { entry: { ...entry, confirmations: 3 } });
    const news = await followChain(chain, { number: 50n, hash: hash(50) });
    expect(chain.asked).toEqual([[48n, 52n]]);
    expect(news.touched).toContain(hash(48));
    const young = Object.assign(chainAt(2n), { entry: { ...entry, confirmations: 3 } });
    await followChain(young, { number: 1n, hash: hash(1) });
    expect(young.asked).toEqual([[0n, 2n]]);
  });

  test.each([
    ['went back', 47n, hash(47), 50n],
    ['changed at the same height', 50n, hash(999), 50n],
    ['changed and continued', 53n, hash(53), 50n],
  ] as const)('sees a chain that %s', async (_, number, blockHash, from) => {
    const news = await followChain(chainAt(number, blockHash), { number: from, hash: hash(998) });
    expect(news).toMatchObject({ isReorganised: true, bookmark: { number } });
  });

  test('catches up in ranges, and gives up if too far behind', async () => {
    const chain = chainAt(3_000n);
    await followChain(chain, { number: 15n, hash: hash(15) });
    expect(chain.asked).toEqual([
      [15n, 1_014n],
      [1_015n, 2_014n],
      [2_015n, 3_000n],
    ]);
    const far = await followChain(chainAt(1_000_000n), { number: 5n, hash: hash(5) });
    expect(far).toMatchObject({ isReorganised: true, bookmark: { number: 1_000_000n } });
  });
});
