import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { settle } from '#lib/pay/actions/settle.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createPayer } from '#lib/pay/payer.ts';
import { createPurse } from '#lib/pay/purse.ts';
import { createSponsor } from '#lib/pay/sponsor.ts';
import { delayMin } from '#lib/pay/terms.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createSessionKey } from '#lib/pay/wallet/session-key.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startLocalChain, type LocalChain } from './chain.fixture.ts';

let local: LocalChain;
beforeAll(async () => {
  local = await startLocalChain();
});
afterAll(() => local.stop());

test('a payer with tokens and no gas opens, pays and tops up through a sponsor, whose fee covers its gas', async () => {
  const chain = local.chain();
  const clock = systemClock;
  const [payer, relay, provider] = await Promise.all([local.person(100_000n), local.person(0n), local.person(0n)]);
  await local.clients.clock.setBalance({ address: payer.address, value: 0n });
  const rate = { units: 100n, wei: (await chain.gasPrice()) * 100_000n };
  const sponsor = createSponsor({ chain, clock, wallet: relay.wallet, logger: silentLogger }, { rate });
  const time = createChainTime(chain, clock);
  const storage = createMemoryStorage();
  const now = await time.current();
  const key = await createSessionKey({ storage, random: systemRandom }, { limit: 9_000n, expiresAt: now + 900, now });
  const paying = await createPayer({ store: createVoucherStore(storage), clock, chain, time, key });
  const limits = { perJobMax: 2_000n, perProviderMax: 8_000n, depositsMax: 8_000n, jobsPerDeposit: 1n };
  const chains = [{ chain, time, payer: paying, wallet: payer.wallet, sender: sponsor }];
  const purse = createPurse({ chains, random: systemRandom }, { ...limits, sponsorFeeMax: 1_000n });
  const payout = {
    chain: chain.entry.id,
    provider: provider.address,
    providerSigner: provider.address,
    delay: delayMin,
    depositMin: '1000',
  };
  const first = await purse.open(payout, { id: 'a', peer: 'p', budget: 1_000n, tier: 'open' });
  const second = await purse.open(payout, { id: 'b', peer: 'p', budget: 500n, tier: 'open' });
  expect(second.channelId).toBe(first.channelId);
  // What a job may cost is in the channel, on top of the fees.
  expect((await chain.channel(first.channelId)).balance).toBe(1_500n);
  expect((await first.promise(1_000n)).cumulativeAmount).toBe(1_000n);
  const fees = await chain.owed(relay.address);
  expect(fees > 0n).toBe(true);
  expect(await chain.tokenBalance(payer.address)).toBe(100_000n - 1_500n - fees);
  expect((await settle(chain, relay.wallet, relay.address))?.amount).toBe(fees);

  const thrifty = createPurse({ chains, random: systemRandom }, { ...limits, sponsorFeeMax: 1n });
  const other = { ...payout, provider: relay.address };
  await expect(thrifty.open(other, { id: 'c', peer: 'p', budget: 5n, tier: 'open' })).rejects.toMatchObject({
    code: 'sponsor-too-dear',
  });
});
