import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createMoneyBook } from '#lib/boot/money-book.ts';
import { openMoney, type MoneyComponents } from '#lib/boot/money.ts';
import { openBurner } from '#lib/pay/wallet/burner.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startRelay } from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain } from './chain.fixture.ts';

let local: LocalChain;
beforeAll(async () => {
  local = await startLocalChain();
});
afterAll(() => local?.stop());

const delay = 86_400;

/** The money of one browser profile; opened again, it is what another tab or a reload finds. */
async function profile(
  units: bigint,
  { sponsor, agree }: { readonly sponsor?: string; readonly agree?: MoneyComponents['agree'] } = {},
) {
  const storage = createMemoryStorage();
  const { address } = await openBurner({ storage, random: systemRandom });
  await local.give(address, units);
  const book = createMoneyBook({ storage, clock: systemClock, random: systemRandom, chain: local.entry.id });
  let changes = 0;
  const posts: string[] = [];
  const watched: typeof fetch = async (at, init) => {
    const answer = await fetch(at, init);
    if (init?.method === 'POST') posts.push(`${new URL(answer.url).pathname} ${answer.status}`);
    return answer;
  };
  const open = () =>
    openMoney({
      storage,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      fetch: watched,
      payments: { chain: local.entry.id, rpc: local.anvil.url, sponsor },
      account: { kind: 'burner', address },
      limits: {
        perJobMax: 10_000n,
        perProviderMax: 1_000_000n,
        depositsMax: 5_000_000n,
        jobsPerDeposit: 20n,
        sponsorFeeMax: 50_000n,
      },
      book,
      onChange: () => void (changes += 1),
      onAsk: () => undefined,
      agree,
    });
  /** Lets every key that signs for this profile run out. */
  const outliveKeys = async () => {
    for (const { key, value } of await storage.list('pay', { prefix: 'session/', limit: 9 })) {
      await storage.put('pay', key, { ...(value as object), expiresAt: 1 });
    }
  };
  return { open, book, address, outliveKeys, changes: () => changes, posts: () => posts };
}

async function payout() {
  const { address } = await local.person(0n);
  const provider = address.toLowerCase() as `0x${string}`;
  return { chain: local.entry.id, provider, providerSigner: provider, delay, depositMin: '1' };
}
const job = (id: string) => ({ id, peer: 'P', budget: 10_000n, tier: 'open' });

test('an answer is paid out of a channel, noted with its cost, and the channel serves the next page too', async () => {
  const { open, book, changes } = await profile(1_000_000n);
  const to = await payout();
  const money = await open();
  const payment = await money.purse.open(to, job('1'));
  await payment.promise(128n);
  payment.end();
  await expect.poll(changes).toBe(1);
  expect(await money.holdings()).toMatchObject({
    balance: 800_000n,
    hasGas: true,
    channels: [{ phase: 'open', deposit: 200_000n, promised: 128n }],
  });
  expect(await book.days()).toMatchObject([{ spent: 128n }]);
  expect(await book.history()).toMatchObject([
    { type: 'answer-paid', units: 128n },
    { type: 'channel-opened', units: 200_000n, hash: expect.stringMatching(/^0x[0-9a-f]{64}$/) },
  ]);
  await money.close();

  const again = await open();
  const next = await again.purse.open(to, job('2'));
  expect(next.channelId).toBe(payment.channelId);
  await next.promise(2n);
  next.end();
  expect((await again.holdings()).channels).toMatchObject([{ promised: 130n }]);
  await again.close();
});

test('a job that costs nothing in the end is not in the history', async () => {
  const { open, book } = await profile(1_000_000n);
  const money = await open();
  (await money.purse.open(await payout(), job('1'))).end();
  expect((await book.history()).map(({ type }) => type)).toEqual(['channel-opened']);
  await money.close();
});

test('a channel that is left says when its money can be withdrawn, and then it is', async () => {
  const { open, book } = await profile(200_000n);
  const money = await open();
  const payment = await money.purse.open(await payout(), job('1'));
  await payment.promise(100n);
  payment.end();
  expect(await money.holdings()).toMatchObject({ balance: 0n, canPay: true });
  await money.leave(payment.channelId);
  const { balance, channels, canPay } = await money.holdings();
  const [left] = channels;
  expect({ balance, canPay }).toEqual({ balance: 0n, canPay: false });
  expect(left).toMatchObject({ phase: 'leaving' });
  await money.close();
  await local.moveTo(left!.withdrawableAt!);

  const later = await open();
  await expect.poll(async () => (await later.holdings()).channels[0]!.phase).toBe('closed');
  expect((await later.holdings()).balance).toBe(200_000n);
  // The chain may tell of it before this browser has written it down.
  await expect.poll(async () => (await book.history()).map(({ type }) => type)).toContain('withdrawn');
  await later.close();
});

test('a channel of a key that has run out pays for nothing more, and is left with that key', async () => {
  const { open, outliveKeys } = await profile(1_000_000n);
  const to = await payout();
  const money = await open();
  const payment = await money.purse.open(to, job('1'));
  await payment.promise(100n);
  payment.end();
  expect((await money.holdings()).channels).toMatchObject([{ phase: 'open', isRetired: false }]);
  await money.close();
  await outliveKeys();

  const later = await open();
  expect((await later.holdings()).channels).toMatchObject([{ phase: 'open', isRetired: true }]);
  const next = await later.purse.open(to, job('2'));
  expect(next.channelId).not.toBe(payment.channelId);
  next.end();
  await later.leave(payment.channelId);
  const left = (await later.holdings()).channels.find(({ id }) => id === payment.channelId);
  expect(left).toMatchObject({ phase: 'leaving', isRetired: true });
  await later.close();
});

test('two pages that open one wallet at the same time never promise the same units twice', async () => {
  const { open } = await profile(1_000_000n);
  const to = await payout();
  const first = await open();
  const opened = await first.purse.open(to, job('1'));
  await opened.promise(10n);
  const second = await open();
  const other = await second.purse.open(to, job('2'));
  expect(other.channelId).toBe(opened.channelId);
  await other.promise(5n);
  const late = await opened.promise(20n).then(
    ({ cumulativeAmount }) => cumulativeAmount,
    ({ code }: { code: string }) => code,
  );
  expect(late).toBe('store-conflict');
  await Promise.all([first.close(), second.close()]);
});

test('a tab is paid for an answer, which stands in its day by model, and the money is claimed and paid out', async () => {
  const [asker, worker] = [await profile(1_000_000n), await profile(0n)];
  const [paying, earning] = [await asker.open(), await worker.open()];
  const [to] = earning.till.payouts;
  const payment = await paying.purse.open(to!, job('1'));
  const receivable = await earning.till.open(
    { chain: payment.chain, terms: payment.terms },
    { id: '1', model: 'tabloom-demo' },
  );
  const { channelId, cumulativeAmount, signature } = await payment.promise(1_000n);
  const voucher = { channelId, cumulativeAmount: cumulativeAmount.toString(), signature };
  expect(await receivable.receive({ voucher, total: 1_000n })).toBe(1_000n);
  receivable.end();
  payment.end();
  await expect.poll(worker.changes).toBe(1);
  expect(await worker.book.days()).toMatchObject([{ earned: [{ model: 'tabloom-demo', units: 1_000n }] }]);
  await expect
    .poll(async () => {
      await earning.collect();
      return (await earning.holdings()).balance;
    })
    .toBe(900n);
  expect((await earning.holdings()).earned).toEqual({ unclaimed: 0n, owed: 0n });
  // The chain has a transaction before whoever sent it hears of it, and notes it.
  await expect
    .poll(async () => (await worker.book.history()).map(({ type }) => type))
    .toEqual(expect.arrayContaining(['answer-earned', 'claimed', 'paid-out']));
  await Promise.all([paying.close(), earning.close()]);
});

test('a channel is closed at once where the tab that is paid agrees, and it may claim no more', async () => {
  const worker = await profile(0n);
  const earning = await worker.open();
  const asker = await profile(1_000_000n, { agree: (request, options) => earning.till.agree!(request, options) });
  const paying = await asker.open();
  const payment = await paying.purse.open(earning.till.payouts[0]!, job('1'));
  const receivable = await earning.till.open({ chain: payment.chain, terms: payment.terms }, { id: '1' });
  const { channelId, cumulativeAmount, signature } = await payment.promise(1_000n);
  await receivable.receive({
    voucher: { channelId, cumulativeAmount: cumulativeAmount.toString(), signature },
    total: 1_000n,
  });
  receivable.end();
  payment.end();
  await paying.leave(channelId);
  const { balance, channels } = await paying.holdings();
  expect({ balance, channels }).toMatchObject({ balance: 999_000n, channels: [{ phase: 'closed' }] });
  await Promise.all([paying.close(), earning.close()]);
});

test('without gas, the sponsor of a relay pays in and claims, also for a tab that is closed', async () => {
  const sender = await local.person(0n);
  const relay = await startRelay({
    native: 'no-native',
    env: { CHAIN: local.anvil.url, SPONSOR_KEY: sender.key, EARN_COIN_PRICE: '1' },
  });
  try {
    const { open, book, address } = await profile(1_000_000n, { sponsor: `${relay.url}/pay/sponsor` });
    await local.clients.clock.setBalance({ address, value: 0n });
    const money = await open();
    const worker = await profile(0n, { sponsor: `${relay.url}/pay/sponsor` });
    await local.clients.clock.setBalance({ address: worker.address, value: 0n });
    const earning = await worker.open();
    const payment = await money.purse.open(earning.till.payouts[0]!, job('1'));
    const { channelId, cumulativeAmount, signature } = await payment.promise(5_000n);
    payment.end();
    const { hasGas, channels } = await money.holdings();
    expect({ hasGas, channels }).toMatchObject({ hasGas: false, channels: [{ phase: 'open', promised: 5_000n }] });
    expect(await book.history()).toMatchObject([
      { type: 'answer-paid' },
      { type: 'channel-opened', hash: expect.stringMatching(/^0x/) },
    ]);
    // The tab that was paid is closed for good: the relay has its order, and claims when the payer leaves.
    const receivable = await earning.till.open({ chain: payment.chain, terms: payment.terms }, { id: '1' });
    await receivable.receive({
      voucher: { channelId, cumulativeAmount: cumulativeAmount.toString(), signature },
      total: 5_000n,
    });
    receivable.end();
    await earning.entrust();
    expect(worker.posts().at(-1)).toBe('/pay/orders 200');
    await earning.close();
    await money.leave(channelId);
    expect((await money.holdings()).channels).toMatchObject([{ phase: 'leaving' }]);
    await money.close();
  } finally {
    await relay.dispose();
  }
});
