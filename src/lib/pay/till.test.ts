import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import { signWithdrawal } from './actions/announce-withdrawal.ts';
import { createChainTime } from './chain-time.ts';
import {
  bankingChain,
  entry,
  keyOf,
  parties,
  testChain,
  testClock,
  testPayee,
  testPayer,
  testStorage,
  testTerms,
  walletOf,
  type BankingChain,
  type TestStorage,
} from './pay.fixture.ts';
import type { Payment, Receivable } from './ports.ts';
import { createPurse } from './purse.ts';
import { checkTypedSignature } from './signature.ts';
import { closeData, withdrawalData } from './typed-data.ts';
import { channelIdOf, delayMin } from './terms.ts';
import { createTill } from './till.ts';
import { createVoucherSigner, voucherRecord } from './voucher.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const signer = createVoucherSigner(entry);
const voucher = async (amount: bigint, channel = id) => voucherRecord(await signer.sign(keyOf(2), channel, amount));
const payout: Payout = {
  chain: 31_337,
  provider: parties.provider,
  providerSigner: parties.providerSigner,
  delay: delayMin,
  depositMin: '1',
};

async function tilling({
  chain = bankingChain(),
  storage = testStorage(),
  clock = testClock(),
  perPayerMax = 100_000n,
  onOwing = () => {},
} = {}) {
  const payee = await testPayee(storage, { chain, clock });
  if (!chain.states.has(id)) chain.states.set(id, { balance: 1_000n, claimed: 0n, withdrawableAt: 0 });
  const till = createTill([{ payout, payee, perPayerMax, onOwing, closing: { chain, signer: walletOf(4) } }]);
  const open = (job: string) => till.open({ chain: 31_337, terms }, { id: job });
  return { till, open, payee, chain, storage, clock };
}

test('a job is credited with what its vouchers cover, whatever its asker says', async () => {
  const { till, open } = await tilling();
  expect(till.payouts).toEqual([payout]);
  const job = await open('a');
  expect(await job.receive({ voucher: await voucher(10n), total: 10n })).toBe(10n);
  expect(await job.receive({ voucher: await voucher(20n), total: 500n })).toBe(20n);
  expect(await job.receive({ voucher: await voucher(20n), total: 20n })).toBe(20n);
  expect(await job.receive({ voucher: await voucher(30n), total: 5n })).toBe(20n);
  expect(job).toMatchObject({ chain: 31_337, channelId: id });
  expect(job.received()).toBe(20n);
});

test('vouchers of jobs on one channel may overtake each other', async () => {
  const { open } = await tilling();
  const [a, b] = [await open('a'), await open('b')];
  // Promised first for a, then for b; received the other way round.
  expect(await b.receive({ voucher: await voucher(150n), total: 50n })).toBe(50n);
  expect(await a.receive({ voucher: await voucher(100n), total: 100n })).toBe(100n);
  // Neither is credited with what the other had.
  expect(await b.receive({ voucher: await voucher(160n), total: 70n })).toBe(60n);
});

test('a job that has ended is credited no more, and what it used is not credited to the next', async () => {
  const { open } = await tilling();
  const [a, b] = [await open('a'), await open('b')];
  await a.receive({ voucher: await voucher(40n), total: 40n });
  a.end();
  a.end();
  expect(await a.receive({ voucher: await voucher(60n), total: 60n })).toBe(40n);
  // The voucher was worth keeping: it pays for whatever comes next on the channel.
  expect(await b.receive({ voucher: await voucher(70n), total: 70n })).toBe(30n);
  b.end();
  const c = await open('c');
  expect(await c.receive({ voucher: await voucher(75n), total: 10n })).toBe(5n);
});

test('a voucher read from the chain pays for nothing, although it was signed', async () => {
  const { open, chain, payee } = await tilling();
  const [a, thief] = [await open('a'), await open('b')];
  await a.receive({ voucher: await voucher(40n), total: 30n });
  chain.states.set(id, { balance: 1_000n, claimed: 40n, withdrawableAt: 0 });
  await payee.refresh(id);
  const stolen = thief.receive({ voucher: await voucher(40n), total: 10n });
  await expect(stolen).rejects.toMatchObject({ code: 'voucher-regress' });
});

test('a payer that owes half of what it may is to be claimed from, and one that is refused for it', async () => {
  let asked = 0;
  const { open } = await tilling({ perPayerMax: 100n, onOwing: () => void asked++ });
  const job = await open('a');
  await job.receive({ voucher: await voucher(49n), total: 49n });
  expect(asked).toBe(0);
  await job.receive({ voucher: await voucher(50n), total: 50n });
  expect(asked).toBe(1);
  await job.receive({ voucher: await voucher(100n), total: 100n });
  await expect(open('b')).rejects.toMatchObject({ code: 'exposure-too-large' });
  expect(asked).toBe(3);
});

test('after a restart what was stored pays for no new job', async () => {
  const storage = testStorage();
  const before = await tilling({ storage });
  await (await before.open('a')).receive({ voucher: await voucher(40n), total: 40n });
  const { open } = await tilling({ storage });
  const job = await open('b');
  expect(await job.receive({ voucher: await voucher(50n), total: 50n })).toBe(10n);
});

describe('refuses by its code', () => {
  test.each<readonly [string, () => Promise<unknown>, string]>([
    ['a voucher of another channel', () => voucher(5n, channelIdOf(testTerms(9))), 'wrong-channel'],
    ['no voucher', async () => null, 'bad-voucher'],
    ['one for more than the deposit', () => voucher(1_001n), 'overdrawn'],
    ['one that was changed', async () => ({ ...(await voucher(5n)), cumulativeAmount: '6' }), 'bad-signature'],
  ])('%s', async (_, make, code) => {
    const job = await (await tilling()).open('a');
    await expect(job.receive({ voucher: await make(), total: 5n })).rejects.toMatchObject({ code });
    expect(job.received()).toBe(0n);
  });

  test.each<readonly [string, object, string]>([
    ['another chain', { chain: 1, terms }, 'chain-unknown'],
    ['no terms', { chain: 31_337, terms: null }, 'bad-terms'],
    ['another provider', { chain: 31_337, terms: testTerms(1, { provider: parties.payer }) }, 'bad-terms'],
    ['a channel used once', { chain: 31_337, terms: testTerms(1, { delay: 0, deadline: 2 ** 40 }) }, 'session-only'],
    ['a channel that was never opened', { chain: 31_337, terms: testTerms(5) }, 'channel-missing'],
  ])('%s', async (_, payment, code) => {
    const { till } = await tilling();
    const opening = till.open(payment as Parameters<typeof till.open>[0], { id: 'a' });
    await expect(opening).rejects.toMatchObject({ code });
  });

  test('a channel with a shorter delay than the payout asks for', async () => {
    const { payee } = await tilling();
    const till = createTill([{ payout: { ...payout, delay: delayMin + 1 }, payee, perPayerMax: 1n }]);
    const opening = till.open({ chain: 31_337, terms }, { id: 'a' });
    await expect(opening).rejects.toMatchObject({ code: 'bad-terms', details: { field: 'delay' } });
  });

  test('serving on when the payer leaves, owes too much, or the chain is silent', async () => {
    const { open, payee, chain, clock } = await tilling({ perPayerMax: 50n });
    const job = await open('a');
    job.checkMayServe();
    await job.receive({ voucher: await voucher(50n), total: 50n });
    const refusal = () => {
      try {
        job.checkMayServe();
        return null;
      } catch (error) {
        return errorCode(error);
      }
    };
    expect(refusal()).toBe('exposure-too-large');
    chain.states.set(id, { balance: 1_000n, claimed: 50n, withdrawableAt: 0 });
    await payee.refresh(id);
    expect(refusal()).toBeNull();
    await clock.advance(5 * 60_000);
    chain.answers = false;
    expect(refusal()).toBe('stale-view');
    await expect(job.receive({ voucher: await voucher(60n), total: 60n })).rejects.toMatchObject({
      code: 'stale-view',
    });
    chain.answers = true;
    // Kept meanwhile, and credited when it is sent again.
    expect(await job.receive({ voucher: await voucher(60n), total: 60n })).toBe(60n);
    chain.states.set(id, { balance: 1_000n, claimed: 50n, withdrawableAt: chain.now + 86_400 });
    await payee.refresh(id);
    expect(refusal()).toBe('withdrawal-pending');
  });
});

/** A payer and a provider that share a chain, each with storage of its own, over any number of lives. */
async function pair(chain: BankingChain, storages: readonly [TestStorage, TestStorage], seed: number) {
  const clock = testClock();
  const { payer } = await testPayer(storages[0], { clock, chain });
  const wallet = walletOf(1);
  const purse = createPurse(
    {
      chains: [{ chain, time: createChainTime(chain, clock), payer, wallet, sender: wallet }],
      random: seededRandom(seed),
    },
    { perJobMax: 1_000n, perProviderMax: 100_000n, depositsMax: 100_000n, sponsorFeeMax: 0n, jobsPerDeposit: 10n },
  );
  const payee = await testPayee(storages[1], { chain, clock });
  const till = createTill([{ payout, payee, perPayerMax: 1_000_000n }]);
  const begin = async (budget: bigint) => {
    const payment = await purse.open(payout, { id: 'job', peer: 'peer', budget, tier: 'open' });
    const receivable = await till.open({ chain: payment.chain, terms: payment.terms }, { id: 'job' });
    return { payment, receivable };
  };
  return { begin, payer, payee };
}

test('jobs at once on one channel, vouchers lost and late: what was handed over is credited, to the unit', async () => {
  const step = fc.record({
    job: fc.integer({ min: 0, max: 2 }),
    units: fc.bigInt(1n, 40n),
    fate: fc.constantFrom('now' as const, 'late' as const, 'lost' as const),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 24 }), fc.integer({ min: 1, max: 1_000 }), async (steps, seed) => {
      const { begin, payer, payee } = await pair(bankingChain(), [testStorage(), testStorage()], seed);
      const jobs: { payment: Payment; receivable: Receivable }[] = [];
      for (let n = 0; n < 3; n++) jobs.push(await begin(1_000n));
      const late: (() => Promise<unknown>)[] = [];
      for (const { job, units, fate } of steps) {
        const { payment, receivable } = jobs[job]!;
        const total = payment.promised() + units;
        if (total > 1_000n) continue;
        const record = voucherRecord(await payment.promise(total));
        const hand = () => receivable.receive({ voucher: record, total });
        if (fate === 'now') await hand();
        else if (fate === 'late') late.unshift(hand);
        const sum = jobs.reduce((all, { receivable: each }) => all + each.received(), 0n);
        const { promised } = await payee.state(payment.channelId);
        expect(sum <= promised).toBe(true);
        expect(jobs.every(({ payment: p, receivable: r }) => r.received() <= p.promised())).toBe(true);
      }
      await Promise.all(late.map((hand) => hand()));
      // Each asker says once more what it has paid, as it does in the end: both sides agree.
      for (const { payment, receivable } of jobs) {
        if (payment.promised() === 0n) continue;
        const newest = voucherRecord((await payer.newest(payment.channelId))!);
        await receivable.receive({ voucher: newest, total: payment.promised() });
        expect(receivable.received()).toBe(payment.promised());
      }
      const paid = jobs.reduce((all, { payment }) => all + payment.promised(), 0n);
      expect(await payer.spent()).toBe(paid);
    }),
    { numRuns: 40, seed: 7 },
  );
});

describe('two jobs on one channel, with a crash at any write of either side', () => {
  const chunk = 10n;
  const chunks = 4;
  /** What the outside has seen of the money: handed over by the payer, served by the provider. */
  interface Outside {
    handed: bigint;
    served: bigint;
  }
  /** Serves a chunk for each that was paid, in two jobs by turns, until both have four or a storage fails. */
  async function run(chain: BankingChain, storages: readonly [TestStorage, TestStorage], seed: number, seen: Outside) {
    const { begin, payer, payee } = await pair(chain, storages, seed);
    const jobs = [await begin(200n), await begin(200n)];
    for (let n = 1; n <= chunks; n++) {
      for (const { payment, receivable } of jobs) {
        const total = BigInt(n) * chunk;
        const made = await payment.promise(total);
        seen.handed += chunk;
        if ((await receivable.receive({ voucher: voucherRecord(made), total })) < total)
          throw new Error('not credited');
        receivable.checkMayServe();
        seen.served += chunk;
      }
    }
    return { id: jobs[0]!.payment.channelId, payer, payee };
  }

  const sides = ['payer', 'payee'] as const;
  test('the run makes as many writes as the cases below expect', async () => {
    const [a, b] = [testStorage(), testStorage()];
    await run(bankingChain(), [a, b], 1, { handed: 0n, served: 0n });
    expect([a.writes(), b.writes()]).toEqual([10, 9]);
  });
  const cases = sides.flatMap((side) =>
    (['before', 'after'] as const).flatMap((when) =>
      Array.from({ length: side === 'payer' ? 10 : 9 }, (_, at) => ({ side, when, atWrite: at + 1 })),
    ),
  );
  test.each(cases)(
    'of the $side, $when write $atWrite: nobody is out by more than a chunk',
    async ({ side, ...how }) => {
      const chain = bankingChain();
      const [a, b] = [new Map<string, unknown>(), new Map<string, unknown>()];
      const dying = { ...how, for: 'ever' as const };
      const seen = { handed: 0n, served: 0n };
      const first = [
        testStorage(a, side === 'payer' ? dying : undefined),
        testStorage(b, side === 'payee' ? dying : undefined),
      ] as const;
      await expect(run(chain, first, 1, seen)).rejects.toMatchObject({ code: 'storage-unavailable' });
      // The jobs are over. What was signed and what was served differ by a chunk at most, and two new ones go through.
      const again = { handed: 0n, served: 0n };
      const { id: channel, payer, payee } = await run(chain, [testStorage(a), testStorage(b)], 1, again);
      expect(again).toEqual({ handed: 80n, served: 80n });
      const [signed, held] = [(await payer.state(channel)).promised, (await payee.state(channel)).promised];
      const served = seen.served + again.served;
      expect(signed).toBe(held);
      expect(signed - served >= 0n && signed - served <= chunk).toBe(true);
      expect(await payer.spent()).toBe(signed);
      expect(chain.deposits).toEqual([2_000n]);
    },
  );
});

describe('an agreement to close', () => {
  const wish = (wallet = walletOf(2), of = terms) => signWithdrawal(testChain(), wallet, of);
  const request = (signature: string, of: unknown = terms) => ({ chain: 31_337, terms: of, signature });

  test('is for what was promised, with the payer’s voucher for it; nothing is served after it', async () => {
    const { till, open } = await tilling();
    const job = await open('a');
    const paid = await voucher(40n);
    await job.receive({ voucher: paid, total: 40n });
    const agreed = await till.agree!(request(await wish()));
    expect(agreed).toMatchObject({ finalAmount: 40n, voucher: paid.signature });
    const data = closeData(entry, id, 40n);
    await expect(checkTypedSignature(parties.providerSigner, data, agreed.signature)).resolves.toBeUndefined();
    expect(() => job.checkMayServe()).toThrow(expect.objectContaining({ code: 'closing' }));
    await expect(job.receive({ voucher: await voucher(50n), total: 50n })).rejects.toMatchObject({ code: 'closing' });
    expect(await till.agree!(request(await wish()))).toEqual(agreed);
  });

  test.each([
    ['a stranger’s signature', async () => request(await signWithdrawalAs(walletOf(9))), 'bad-signature'],
    ['no signature', async () => request('0x'), 'bad-signature'],
    ['another chain', async () => ({ ...request(await wish()), chain: 1 }), 'chain-unknown'],
    ['terms that are none', async () => request(await wish(), { payer: 1 }), 'bad-terms'],
    [
      'a channel that never paid here',
      async () => request(await wish(walletOf(2), testTerms(7)), testTerms(7)),
      'wrong-channel',
    ],
  ])('is refused for %s, and the channel goes on', async (_, made, code) => {
    const { till, open } = await tilling();
    const job = await open('a');
    await expect(till.agree!(await made())).rejects.toMatchObject({ code });
    expect(await job.receive({ voucher: await voucher(10n), total: 10n })).toBe(10n);
  });

  test('is never given where nobody signs for the provider', async () => {
    const { payee } = await tilling();
    expect(createTill([{ payout, payee, perPayerMax: 1n }]).agree).toBeUndefined();
  });
});

const signWithdrawalAs = (wallet: ReturnType<typeof walletOf>) => wallet.signTypedData(withdrawalData(entry, id));
