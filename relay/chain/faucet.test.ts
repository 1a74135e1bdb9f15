import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import type { Address, Chain } from '#lib/pay/spec.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createFaucet, gift } from './faucet.ts';

const wallet = localWallet(`0x${'11'.repeat(32)}`);
const address = (n: number) => `0x${n.toString(16).padStart(40, '0')}`;

function faucet(over: Partial<Chain> = {}) {
  const clock = manualClock();
  const coins = new Map<Address, bigint>();
  let minted = 0;
  const chain = {
    entry: deployedChain(31337),
    coinBalance: async (owner: Address) => coins.get(owner) ?? 0n,
    transact: async () => {
      minted++;
      return { hash: '0x', blockNumber: 1n, gasUsed: 1n, events: [] };
    },
    ...over,
  } as Partial<Chain> as Chain;
  const setCoins = async (owner: Address, wei: bigint) => void coins.set(owner, wei);
  return { ...createFaucet({ chain, clock, wallet, setCoins }), clock, coins, minted: () => minted };
}

test('it gives tokens and coins, an address an hour', async () => {
  const one = faucet();
  expect(await one.give(address(1))).toEqual({ amount: gift.units });
  expect([...one.coins.values()]).toEqual([gift.wei, gift.wei]);
  await expect(one.give(address(1).toUpperCase().replace('0X', '0x'))).rejects.toMatchObject({ code: 'faucet-dry' });
  await one.give(address(2));
  await one.clock.advance(3_599_999);
  await expect(one.give(address(1))).rejects.toMatchObject({ code: 'faucet-dry', details: { retryAfterMs: 1 } });
  await one.clock.advance(1);
  await one.give(address(1));
  expect(one.minted()).toBe(3);
});

test('an account that has coins keeps them', async () => {
  const one = faucet();
  one.coins.set(wallet.address, 5n * gift.wei);
  await one.give(address(1));
  expect(one.coins.get(wallet.address)).toBe(5n * gift.wei);
});

test('a day has a bound over all addresses, and begins anew', async () => {
  const one = faucet();
  for (let n = 1; n <= 1_000; n++) await one.give(address(n));
  await expect(one.give(address(1_001))).rejects.toMatchObject({ code: 'faucet-dry' });
  await one.clock.advance(86_400_000);
  await one.give(address(1_001));
});

test('what failed can be asked for again, and only so many wait', async () => {
  const one = faucet({ transact: () => Promise.reject(new Error('no')) });
  const results = await Promise.allSettled(Array.from({ length: 17 }, (_, n) => one.give(address(n + 1))));
  expect(results.map((each) => (each as PromiseRejectedResult).reason.code ?? 'no').at(-1)).toBe('gateway-busy');
  await expect(one.give(address(1))).rejects.toThrow('no');
});

test.each([undefined, '', '0x', address(0), `${address(1)}0`, 1])('%j is no address', async (text) => {
  await expect(faucet().give(text)).rejects.toMatchObject({ code: 'bad-address' });
});

test('no chain but a local one is given anything', async () => {
  const entry = { ...deployedChain(31337), isLocal: false };
  await expect(faucet({ entry }).give(address(1))).rejects.toMatchObject({ code: 'chain-unknown' });
});
