import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { settle } from '#lib/pay/actions/settle.ts';
import { createCollector } from '#lib/pay/collect.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createExit } from '#lib/pay/exit.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { createPayer } from '#lib/pay/payer.ts';
import { claimPolicyDefault } from '#lib/pay/policy.ts';
import { createPurse } from '#lib/pay/purse.ts';
import { delayMin } from '#lib/pay/terms.ts';
import { createTill } from '#lib/pay/till.ts';
import { createVoucherSigner, voucherRecord } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createSessionKey } from '#lib/pay/wallet/session-key.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startLocalChain, type LocalChain } from './chain.fixture.ts';

let local: LocalChain;
beforeAll(async () => {
  local = await startLocalChain();
});
afterAll(() => local.stop());

test('jobs at once, paid by the chunk out of one channel that is topped up: deposits = paid + returned, to the unit', async () => {
  const chain = local.chain();
  const [payer, provider] = await Promise.all([local.person(10_000n), local.person(0n)]);
  const treasuryBefore = await chain.tokenBalance(local.treasury);
  const time = createChainTime(chain, systemClock);
  const clock = systemClock;

  const payerStorage = createMemoryStorage();
  const now = await time.current();
  const key = await createSessionKey(
    { storage: payerStorage, random: systemRandom },
    { limit: 10_000n, expiresAt: now + 86_400, now },
  );
  const paying = await createPayer({ store: createVoucherStore(payerStorage), clock, chain, time, key });
  const purse = createPurse(
    {
      chains: [{ chain, time, payer: paying, wallet: payer.wallet, sender: payer.wallet }],
      random: systemRandom,
    },
    { perJobMax: 2_000n, perProviderMax: 8_000n, depositsMax: 8_000n, sponsorFeeMax: 0n, jobsPerDeposit: 1n },
  );

  const serving = await createPayee({
    store: createVoucherStore(createMemoryStorage()),
    clock,
    chain,
    time,
    provider: provider.address,
    providerSigner: provider.address,
    depositMin: 1_000n,
  });
  const payout = {
    chain: chain.entry.id,
    provider: provider.address,
    providerSigner: provider.address,
    delay: delayMin,
    depositMin: '1000',
  };
  const closing = { chain, signer: provider.wallet };
  const till = createTill([{ payout, payee: serving, perPayerMax: 10_000n, closing }]);

  const run = async (id: string, budget: bigint, cost: bigint) => {
    const payment = await purse.open(payout, { id, peer: 'provider', budget, tier: 'open' });
    const receivable = await till.open({ chain: payment.chain, terms: payment.terms }, { id });
    for (let total = 100n; total <= cost; total += 100n) {
      receivable.checkMayServe();
      const voucher = voucherRecord(await payment.promise(total));
      expect(await receivable.receive({ voucher, total })).toBe(total);
    }
    payment.end();
    receivable.end();
    return payment;
  };
  // Each reserves its whole budget, so the channel of 1,500 is topped up for the second and the third.
  const jobs = await Promise.all([run('a', 1_500n, 1_200n), run('b', 1_500n, 300n), run('c', 900n, 900n)]);
  const [id] = new Set(jobs.map(({ channelId }) => channelId));
  expect(new Set(jobs.map(({ channelId }) => channelId)).size).toBe(1);
  // 1,500 left over: no deposit for the next.
  const { balance } = await chain.channel(id!);
  expect((await run('d', 600n, 100n)).channelId).toBe(id);
  expect((await chain.channel(id!)).balance).toBe(balance);

  // A provider at work: it claims when the payer announces that it leaves, and is paid out in the same round.
  const collector = createCollector(
    {
      chain,
      clock,
      payee: serving,
      vouchers: createVoucherSigner(chain.entry),
      wallet: provider.wallet,
      logger: silentLogger,
    },
    {
      // A claim costs 700 units of the provider's 2,250: not worth it by itself, and well worth it when the payer leaves.
      policy: { ...claimPolicyDefault, gasShareBpsMax: 3_000n },
      rate: { units: 700n, wei: (await chain.gasPrice()) * 89_000n },
    },
  );
  expect(await collector.round()).toEqual([]);
  const leaving = {
    chain,
    clock,
    time,
    payer: paying,
    signer: localWallet(key.privateKey),
    sender: payer.wallet,
    logger: silentLogger,
  };
  const exit = createExit(leaving);
  await exit.leave(id!);
  expect(await collector.round()).toHaveLength(1);
  // What is leaving pays for nothing more.
  await expect(till.open({ chain: chain.entry.id, terms: jobs[0]!.terms }, { id: 'e' })).rejects.toMatchObject({
    code: 'withdrawal-pending',
  });
  expect(await exit.round()).toEqual([]);

  // The next channel is left while its provider is there and agrees: the money is back at once, and so is what was earned.
  const next = await run('f', 500n, 200n);
  expect(next.channelId).not.toBe(id);
  const free = await chain.tokenBalance(payer.address);
  expect(await createExit({ ...leaving, agree: till.agree! }).leave(next.channelId)).toBeNull();
  expect(await chain.tokenBalance(payer.address)).toBe(free + 800n);
  expect(await collector.round()).toEqual([]);
  await settle(chain, provider.wallet, provider.address);
  await settle(chain, provider.wallet, local.treasury);
  await local.moveTo((await chain.head()).timestamp + delayMin);
  const later = createExit({ ...leaving, time: createChainTime(chain, clock) });
  expect(await later.round()).toEqual([{ channelId: id, returned: balance - 2_500n }]);
  expect(await chain.tokenBalance(payer.address)).toBe(10_000n - 2_700n);
  expect(await chain.tokenBalance(provider.address)).toBe(2_430n);
  expect((await chain.tokenBalance(local.treasury)) - treasuryBefore).toBe(270n);
  expect(await chain.tokenBalance(chain.entry.contracts.channels)).toBe(0n);
  expect(await paying.spent()).toBe(2_700n);
});
