import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { close } from '#lib/pay/actions/close.ts';
import { open } from '#lib/pay/actions/open.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createCollector } from '#lib/pay/collect.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { claimPolicyDefault } from '#lib/pay/policy.ts';
import { closedSentinel, type Chain, type ChannelTerms } from '#lib/pay/spec.ts';
import { channelIdOf, jobTerms } from '#lib/pay/terms.ts';
import { createVoucherSigner, voucherRecord } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startLocalChain, type LocalChain, type Person } from './chain.fixture.ts';
import { openSessionChannel, partiesOf, signDeposit } from './open-channel.fixture.ts';

let local: LocalChain;
let chain: Chain;
let payer: Person;
beforeAll(async () => {
  local = await startLocalChain();
  chain = local.chain();
  payer = await local.person(10_000_000n);
});
afterAll(() => local.stop());

/** A provider with this channel, and how it is promised `amount` in all. */
async function serving(provider: Person, terms: ChannelTerms) {
  const payee = await createPayee({
    store: createVoucherStore(createMemoryStorage()),
    clock: systemClock,
    chain,
    time: createChainTime(chain, systemClock),
    provider: provider.address,
    providerSigner: provider.address,
    depositMin: 1n,
  });
  await payee.admit(terms);
  const vouchers = createVoucherSigner(chain.entry);
  const promise = async (amount: bigint) =>
    payee.receive(voucherRecord(await vouchers.sign(payer.key, channelIdOf(terms), amount)));
  const collector = createCollector(
    { chain, clock: systemClock, payee, vouchers, wallet: provider.wallet, logger: silentLogger },
    { policy: claimPolicyDefault, rate: { units: 1n, wei: 10n ** 18n } },
  );
  return { payee, promise, collector };
}

test('a job is claimed once, when it is delivered, for all that was promised', async () => {
  const provider = await local.person(0n);
  const { timestamp } = await chain.head();
  const terms = jobTerms(systemRandom, partiesOf(chain, payer, provider), timestamp + 600);
  const id = channelIdOf(terms);
  const deposit = await signDeposit(chain, payer, id, 1_000_000n);
  await open(chain, payer.wallet, { terms, amount: 1_000_000n, deposit });
  const { payee, promise, collector } = await serving(provider, terms);
  await promise(5_000n);
  expect(await collector.round()).toEqual([]);
  await promise(900_000n);
  expect(await collector.round()).toEqual([]);
  await payee.finish(id);
  expect(await collector.round()).toHaveLength(1);
  // Claimed, and paid out in the same round.
  expect(await chain.tokenBalance(provider.address)).toBe(810_000n);
  expect(await chain.owed(payer.address)).toBe(100_000n);
  expect((await payee.state(id)).phase).toBe('closed');
});

test('an agreement to end, handed in late by the payer, pays all that was served for', async () => {
  const provider = await local.person(0n);
  const { terms, id } = await openSessionChannel(chain, payer, provider, 1_000n);
  const { payee, promise } = await serving(provider, terms);
  await promise(50n);
  const agreed = await payee.agree(id, provider.wallet);
  await expect(promise(900n)).rejects.toMatchObject({ code: 'closing' });
  const { events } = await close(chain, payer.wallet, agreed);
  await payee.applyEvents(events);
  expect((await payee.state(id)).phase).toBe('closed');
  expect(await chain.channel(id)).toEqual({ balance: 50n, claimed: 50n, withdrawableAt: closedSentinel });
  expect(await chain.owed(provider.address)).toBe(45n);
});
