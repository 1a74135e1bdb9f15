import { afterAll, beforeAll, expect, test } from 'vitest';
import { bond } from '#lib/pay/actions/bond.ts';
import { describeProvider } from '#lib/pay/actions/describe-provider.ts';
import { unbond } from '#lib/pay/actions/unbond.ts';
import { withdrawBond } from '#lib/pay/actions/withdraw-bond.ts';
import { voucherUnitsMax } from '#lib/pay/amount.ts';
import type { Chain, Hex } from '#lib/pay/spec.ts';
import { startLocalChain, type LocalChain, type Person } from './chain.fixture.ts';
import { signDeposit } from './open-channel.fixture.ts';

let local: LocalChain;
let chain: Chain;
let provider: Person;
let stranger: Person;
beforeAll(async () => {
  local = await startLocalChain();
  chain = local.chain();
  provider = await local.person(1_000n);
  stranger = await local.person(0n);
});
afterAll(() => local.stop());

const word = (byte: string): Hex => `0x${byte.repeat(32)}`;

async function refused(code: string, action: () => Promise<unknown>): Promise<void> {
  const look = async () => [await chain.stake(provider.address), await chain.tokenBalance(provider.address)];
  const before = await look();
  await expect(action()).rejects.toMatchObject({ code });
  expect(await look()).toEqual(before);
}

test('a bond goes in, whoever sends it, out after its time, and nothing else moves it', async () => {
  const { address } = provider;
  const { providers } = chain.entry.contracts;
  const authorization = await signDeposit(chain, provider, address, 100n, providers);
  const bonding = { provider: address, amount: 100n, deposit: authorization };

  await refused('amount-zero', () => bond(chain, stranger.wallet, { ...bonding, amount: 0n }));
  await refused('amount-too-large', () => bond(chain, stranger.wallet, { ...bonding, amount: voucherUnitsMax + 1n }));
  await refused('insufficient-funds', () => bond(chain, stranger.wallet, { ...bonding, amount: voucherUnitsMax }));
  await refused('bad-signature', () => bond(chain, stranger.wallet, { ...bonding, amount: 101n }));
  await bond(chain, stranger.wallet, bonding);
  await refused('authorization-used', () => bond(chain, stranger.wallet, bonding));

  await bond(chain, provider.wallet, {
    provider: address,
    amount: 23n,
    deposit: await signDeposit(chain, provider, address, 23n, providers),
  });
  expect(await chain.stake(address)).toMatchObject({ bonded: 123n, unbonding: 0n, unbondedAt: 0 });

  await refused('nothing-unbonding', () => withdrawBond(chain, stranger.wallet, address));
  await refused('amount-zero', () => unbond(chain, provider.wallet, 0n));
  await refused('amount-too-large', () => unbond(chain, provider.wallet, voucherUnitsMax + 1n));
  await refused('stake-too-small', () => unbond(chain, provider.wallet, 124n));
  await refused('stake-too-small', () => unbond(chain, stranger.wallet, 1n));
  const { withdrawableAt } = await unbond(chain, provider.wallet, 23n);
  await refused('unbonding-not-over', () => withdrawBond(chain, stranger.wallet, address));
  await local.moveTo(withdrawableAt - 2);
  await refused('unbonding-not-over', () => withdrawBond(chain, stranger.wallet, address));
  await local.moveTo(withdrawableAt);
  expect((await withdrawBond(chain, stranger.wallet, address)).amount).toBe(23n);
  await refused('nothing-unbonding', () => withdrawBond(chain, stranger.wallet, address));
  expect(await chain.tokenBalance(address)).toBe(900n);
  expect((await chain.stake(address)).bonded).toBe(100n);
});

test('a description is three words of 32 bytes, with a key that is not zero', async () => {
  const description = { offerKey: word('11'), metadataHash: word('22'), pricesHash: word('33') };
  const fails = (code: string, change: Partial<typeof description>) =>
    refused(code, () => describeProvider(chain, provider.wallet, { ...description, ...change }));
  await fails('offer-key-missing', { offerKey: word('00') });
  await fails('offer-key-missing', { offerKey: '0x11' });
  await fails('bad-terms', { metadataHash: `0x${'22'.repeat(33)}` });
  await fails('bad-terms', { pricesHash: '0x' });
  await describeProvider(chain, provider.wallet, description);
  expect(await chain.stake(provider.address)).toMatchObject(description);
});
