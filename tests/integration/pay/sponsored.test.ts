import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemRandom } from '#lib/base/random.ts';
import { announceWithdrawalFor, signWithdrawal } from '#lib/pay/actions/announce-withdrawal.ts';
import { claim } from '#lib/pay/actions/claim.ts';
import { open } from '#lib/pay/actions/open.ts';
import { settleFor, signSettleOrder } from '#lib/pay/actions/settle-for.ts';
import { settle } from '#lib/pay/actions/settle.ts';
import { topUp } from '#lib/pay/actions/top-up.ts';
import { withdraw } from '#lib/pay/actions/withdraw.ts';
import { signAuthorization, type Deposit } from '#lib/pay/deposit.ts';
import type { Chain, ChannelTerms, Hex } from '#lib/pay/spec.ts';
import type { Sponsorship } from '#lib/pay/sponsorship.ts';
import { channelIdOf, sessionTerms } from '#lib/pay/terms.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { startLocalChain, type LocalChain, type Person } from './chain.fixture.ts';
import { claimOf, partiesOf } from './open-channel.fixture.ts';

let local: LocalChain;
let chain: Chain;
let payer: Person;
let provider: Person;
let relay: Person;
beforeAll(async () => {
  local = await startLocalChain();
  chain = local.chain();
  [payer, provider, relay] = [await local.person(10_000n), await local.person(0n), await local.person(0n)];
});
afterAll(() => local.stop());

const depositOf = async (subject: Hex, amount: bigint, sponsorship: Sponsorship): Promise<Deposit> => {
  const { timestamp } = await chain.head();
  return signAuthorization(
    { chain, wallet: payer.wallet, random: systemRandom },
    { subject, to: chain.entry.contracts.channels, amount, validBefore: timestamp + 3_600, sponsorship },
  );
};

const newTerms = (): ChannelTerms => sessionTerms(systemRandom, partiesOf(chain, payer, provider));

test('a payer and a provider without gas pay a sponsor out of what is theirs, to the unit', async () => {
  const terms = newTerms();
  const id = channelIdOf(terms);
  const reward = { sponsor: relay.address, fee: 70n };
  const before = await chain.tokenBalance(payer.address);
  await open(chain, relay.wallet, { terms, amount: 1_000n, deposit: await depositOf(id, 1_000n, reward) });
  expect((await chain.channel(id)).balance).toBe(930n);
  await topUp(chain, relay.wallet, { terms, amount: 500n, deposit: await depositOf(id, 500n, reward) });
  expect((await chain.channel(id)).balance).toBe(1_360n);

  const signature = await signWithdrawal(chain, payer.wallet, terms, { sponsorship: reward });
  const signed = { terms, sponsorship: reward, signature };
  const { withdrawableAt } = await announceWithdrawalFor(chain, relay.wallet, signed);
  const vouchers = createVoucherSigner(chain.entry);
  await claim({ chain, vouchers }, relay.wallet, [await claimOf(chain, payer, terms, 300n)]);
  await local.moveTo(withdrawableAt);
  expect((await withdraw(chain, relay.wallet, terms)).returned).toBe(990n);
  expect(await chain.tokenBalance(payer.address)).toBe(before - 1_500n + 990n);

  const { timestamp } = await chain.head();
  const order = await signSettleOrder(chain, provider.wallet, {
    sponsorship: { sponsor: relay.address, fee: 20n },
    payeeMin: 250n,
    validBefore: timestamp + 600,
  });
  expect((await settleFor(chain, relay.wallet, order)).amount).toBe(250n);
  expect(await chain.tokenBalance(provider.address)).toBe(250n);
  await expect(settleFor(chain, relay.wallet, order)).rejects.toMatchObject({ code: 'order-used' });
  expect((await settle(chain, relay.wallet, relay.address))?.amount).toBe(3n * 70n + 20n);
});

test('what a sponsor gets is part of what is signed', async () => {
  const terms = newTerms();
  const id = channelIdOf(terms);
  const reward = { sponsor: relay.address, fee: 70n };
  const deposit = await depositOf(id, 1_000n, reward);
  const changed = { ...deposit, sponsorship: { ...reward, fee: 71n } } as Deposit;
  await expect(open(chain, relay.wallet, { terms, amount: 1_000n, deposit: changed })).rejects.toMatchObject({
    code: 'bad-signature',
  });
  await open(chain, relay.wallet, { terms, amount: 1_000n, deposit });
  const signature = await signWithdrawal(chain, payer.wallet, terms, { sponsorship: reward });
  await expect(announceWithdrawalFor(chain, relay.wallet, { terms, signature })).rejects.toMatchObject({
    code: 'bad-signature',
  });
  const large = { ...reward, fee: 931n };
  const greedy = await signWithdrawal(chain, payer.wallet, terms, { sponsorship: large });
  await expect(
    announceWithdrawalFor(chain, relay.wallet, { terms, sponsorship: large, signature: greedy }),
  ).rejects.toMatchObject({ code: 'fee-too-large' });
});

test('an order to settle is not spent on a trifle', async () => {
  const { timestamp } = await chain.head();
  const order = await signSettleOrder(chain, provider.wallet, {
    sponsorship: { sponsor: relay.address, fee: 0n },
    payeeMin: 1n,
    validBefore: timestamp + 600,
  });
  await expect(settleFor(chain, relay.wallet, order)).rejects.toMatchObject({ code: 'payout-too-small' });
});
