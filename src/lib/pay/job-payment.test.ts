import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { createCollector } from './collect.ts';
import { payFromJobChannel } from './job-payment.ts';
import {
  bankingChain,
  entry,
  parties,
  startSeconds,
  testClock,
  testPayee,
  testPayer,
  testStorage,
  testTerms,
  walletOf,
} from './pay.fixture.ts';
import { claimPolicyDefault } from './policy.ts';
import { asSent, channelIdOf } from './terms.ts';
import { createTill } from './till.ts';
import { createVoucherSigner, voucherRecord } from './voucher.ts';

const terms = testTerms(1, { delay: 0, deadline: startSeconds + 3_000 });
const id = channelIdOf(terms);
const channel = { chain: 31_337, id, terms };
const { provider, providerSigner } = asSent(terms);
const payout = { chain: 31_337, provider, providerSigner };
const open = { balance: 1_000n, claimed: 0n, withdrawableAt: 0 };

async function scene({ payerStorage = testStorage(), payeeStorage = testStorage() } = {}) {
  const [chain, clock] = [bankingChain(), testClock()];
  chain.states.set(id, open);
  const { payer } = await testPayer(payerStorage, { chain, clock });
  await payer.begin(terms);
  await payer.observe(id, open);
  const payee = await testPayee(payeeStorage, { chain, clock });
  let owing = 0;
  const full = { ...payout, provider: parties.provider, providerSigner: parties.providerSigner };
  const till = createTill([
    {
      payout: { ...full, delay: 86_400, depositMin: '1' },
      payee,
      perPayerMax: 1_000_000n,
      jobChannels: 'taken',
      onOwing: () => void owing++,
    },
  ]);
  const take = (job: string) => till.open({ chain: 31_337, terms: asSent(terms) }, { id: job });
  const pay = (budget = 1_000n) => payFromJobChannel(payer, channel, { payout, budget });
  /** What a collector would claim now. */
  const claimed = async () => {
    const sent = chain.sent.length;
    const vouchers = createVoucherSigner(entry);
    const collector = createCollector(
      { chain, clock, payee, vouchers, wallet: walletOf(3), logger: silentLogger },
      { policy: { ...claimPolicyDefault, gasShareBpsMax: 10_000n }, rate: { units: 1n, wei: 10n ** 18n } },
    );
    await collector.round();
    return chain.sent.length > sent;
  };
  return { chain, clock, payer, payee, take, pay, claimed, owing: () => owing, payerStorage, payeeStorage };
}

test('a job is paid by the chunk out of its channel, and claimed once it has been delivered', async () => {
  const { take, pay, claimed, owing, payee } = await scene();
  const [payment, job] = [await pay(), await take('a')];
  for (const total of [100n, 250n]) {
    expect(await job.receive({ voucher: voucherRecord(await payment.promise(total)), total })).toBe(total);
  }
  // A claim would end it.
  expect(await claimed()).toBe(false);
  payment.end();
  job.end();
  await expect.poll(owing).toBe(1);
  expect(await payee.state(id)).toMatchObject({ promised: 250n, isDelivered: true });
  expect(await claimed()).toBe(true);
  await expect(take('b')).rejects.toMatchObject({ code: 'closing' });
});

test('a job that was never paid leaves its channel as it was: another may try', async () => {
  const { take, payee, claimed } = await scene();
  (await take('a')).end();
  expect(await payee.state(id)).toMatchObject({ promised: 0n, isDelivered: false });
  expect(await claimed()).toBe(false);
  expect((await take('b')).received()).toBe(0n);
});

test('what was promised before a restart stays promised, and the budget counts it', async () => {
  const first = await scene();
  const before = await first.pay();
  await before.promise(400n);
  const { pay, payer } = await scene(first);
  await expect(pay(601n)).rejects.toMatchObject({ code: 'over-budget' });
  const payment = await pay(600n);
  expect(payment.promised()).toBe(0n);
  await payment.promise(50n);
  await payment.promise(20n);
  expect((await payer.state(id)).promised).toBe(450n);
  await expect(payment.promise(601n)).rejects.toMatchObject({ code: 'over-budget' });
  payment.end();
  await expect(payment.promise(60n)).rejects.toMatchObject({ code: 'payment-ended' });
});

test('a provider that was killed before the end of a job claims it shortly before the deadline', async () => {
  const first = await scene();
  const [payment, job] = [await first.pay(), await first.take('a')];
  await job.receive({ voucher: voucherRecord(await payment.promise(300n)), total: 300n });
  const { claimed, chain } = await scene({ payeeStorage: first.payeeStorage });
  expect(await claimed()).toBe(false);
  chain.now = terms.deadline - 100;
  expect(await claimed()).toBe(true);
});

test.each([
  ['another provider', { ...payout, provider: asSent(testTerms(1, { provider: parties.payer })).provider }],
  ['another chain', { ...payout, chain: 1 }],
])('nothing is promised to %s', async (_, other) => {
  const { payer } = await scene();
  const paying = payFromJobChannel(payer, channel, { payout: other, budget: 1n });
  await expect(paying).rejects.toMatchObject({ code: 'provider-mismatch' });
  expect((await payer.state(id)).promised).toBe(0n);
});

test('after the deadline nothing more is promised', async () => {
  const { pay, clock, chain } = await scene();
  const payment = await pay();
  await payment.promise(10n);
  chain.now += 3_000;
  await clock.advance(3_000_000);
  await expect(payment.promise(20n)).rejects.toMatchObject({ code: 'deadline-passed' });
});
