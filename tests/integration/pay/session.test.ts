import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { systemRandom } from '#lib/base/random.ts';
import { claim } from '#lib/pay/actions/claim.ts';
import { open } from '#lib/pay/actions/open.ts';
import { settle } from '#lib/pay/actions/settle.ts';
import { withdraw } from '#lib/pay/actions/withdraw.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { signAuthorization } from '#lib/pay/deposit.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { createPayer } from '#lib/pay/payer.ts';
import { channelIdOf, delayMin, sessionTerms } from '#lib/pay/terms.ts';
import { createVoucherSigner, voucherRecord } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createSessionKey } from '#lib/pay/wallet/session-key.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startLocalChain, type LocalChain } from './chain.fixture.ts';
import { announce } from './open-channel.fixture.ts';

let local: LocalChain;
beforeAll(async () => {
  local = await startLocalChain();
});
afterAll(() => local.stop());

test('deposit, a thousand vouchers, a claim in a batch, settling, withdrawal: every unit is where it belongs', async () => {
  const chain = local.chain();
  const [payer, provider, relay] = await Promise.all([local.person(10_000_000n), local.person(0n), local.person(0n)]);
  const treasuryBefore = await chain.tokenBalance(local.treasury);
  const storage = createMemoryStorage();
  const now = Math.floor(Date.now() / 1_000);
  const key = await createSessionKey(
    { storage, random: systemRandom },
    { limit: 10_000_000n, expiresAt: now + 86_400, now },
  );

  const terms = [0, 1].map(() =>
    sessionTerms(systemRandom, {
      payer: payer.address,
      payerSigner: key.address,
      provider: provider.address,
      providerSigner: provider.address,
      token: chain.entry.token.address,
    }),
  );
  const paying = await createPayer({
    store: createVoucherStore(storage),
    clock: systemClock,
    chain,
    time: createChainTime(chain, systemClock),
    key,
  });
  for (const each of terms) {
    await paying.begin(each);
    const deposit = await signAuthorization(
      { chain, wallet: payer.wallet, random: systemRandom },
      { subject: channelIdOf(each), to: chain.entry.contracts.channels, amount: 1_000_003n, validBefore: now + 3_600 },
    );
    // A stranger hands the one signature in: the payer needs no gas.
    const { events } = await open(chain, relay.wallet, { terms: each, amount: 1_000_003n, deposit });
    await paying.applyEvents(events);
  }
  const [first, second] = terms.map(channelIdOf) as [`0x${string}`, `0x${string}`];

  const serving = await createPayee({
    store: createVoucherStore(createMemoryStorage()),
    clock: systemClock,
    chain,
    time: createChainTime(chain, systemClock),
    provider: provider.address,
    providerSigner: provider.address,
    depositMin: 1n,
  });
  for (const each of terms) await serving.admit(each);
  let served = 0n;
  for (let i = 0; i < 1_000; i++) {
    const total = BigInt(Math.floor(i / 2) + 1) * 997n;
    const voucher = await paying.promise(i % 2 === 0 ? first : second, total);
    served += (await serving.receive(voucherRecord(voucher))).added;
  }
  expect(served).toBe(997_000n);

  const vouchers = createVoucherSigner(chain.entry);
  const claimed = await claim({ chain, vouchers }, provider.wallet, await serving.claims([first, second]));
  expect(claimed.skipped).toEqual([]);
  expect(claimed.credited.map(({ claimed: total, treasuryPart }) => [total, treasuryPart])).toEqual([
    [498_500n, 49_850n],
    [498_500n, 49_850n],
  ]);
  await expect(claim({ chain, vouchers }, provider.wallet, await serving.claims([first]))).rejects.toMatchObject({
    code: 'nothing-to-claim',
    details: { skipped: [{ channelId: first, refusal: 'stale' }] },
  });

  expect((await settle(chain, relay.wallet, provider.address))?.amount).toBe(897_300n);
  expect(await settle(chain, relay.wallet, provider.address)).toBeNull();
  expect((await settle(chain, relay.wallet, local.treasury))?.amount).toBe(99_700n);

  for (const each of terms) {
    const { withdrawableAt } = await announce(chain, payer, each);
    expect(withdrawableAt).toBe((await chain.head()).timestamp + delayMin);
  }
  expect((await paying.observe(first, await chain.channel(first))).phase).toBe('withdrawing');
  await expect(paying.promise(first, 498_501n)).rejects.toMatchObject({ code: 'withdrawal-pending' });
  await local.moveTo((await chain.head()).timestamp + delayMin);
  for (const each of terms) expect((await withdraw(chain, relay.wallet, each)).returned).toBe(501_503n);

  expect(await chain.tokenBalance(payer.address)).toBe(10_000_000n - 997_000n);
  expect(await chain.tokenBalance(provider.address)).toBe(897_300n);
  expect((await chain.tokenBalance(local.treasury)) - treasuryBefore).toBe(99_700n);
  expect(await chain.tokenBalance(chain.entry.contracts.channels)).toBe(0n);
  expect((await serving.refresh(first)).phase).toBe('closed');
}, 120_000);
