import { beforeAll, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import {
  bankingChain,
  parties,
  testPayee,
  testPayer,
  testStorage,
  walletOf,
  type Dying,
} from '#lib/pay/pay.fixture.ts';
import { loadCurve } from '#lib/pay/curve.ts';
import { createPurse } from '#lib/pay/purse.ts';
import { delayMin } from '#lib/pay/terms.ts';
import { createTill } from '#lib/pay/till.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import type { AskRequest } from './spec.ts';
import { chat, createWorld, follow, paidPrice, until } from './peer.fixture.ts';

/*
 * Paid jobs with the purse, the till and the vouchers of the settlement library, over a chain in memory.
 */

// Loaded by the first signature otherwise, in time that the tests' clock knows nothing of.
beforeAll(async () => void (await loadCurve()));

const lower = (address: string) => address.toLowerCase() as `0x${string}`;
const payout: Payout = {
  chain: 31_337,
  provider: lower(parties.provider),
  providerSigner: lower(parties.providerSigner),
  delay: delayMin,
  depositMin: '500',
};

async function market({
  answerTokens = 150,
  asker: askers,
  worker: workers,
}: { answerTokens?: number; asker?: Dying; worker?: Dying } = {}) {
  const world = createWorld();
  const { clock } = world;
  const chain = bankingChain();
  const spending = testStorage(new Map(), askers);
  const earning = testStorage(new Map(), workers);
  const { payer } = await testPayer(spending, { clock, chain });
  const payee = await testPayee(earning, { clock, chain });
  const wallet = walletOf(1);
  const purse = createPurse(
    {
      chains: [{ chain, time: createChainTime(chain, clock), payer, wallet, sender: wallet }],
      random: seededRandom(9),
    },
    { perJobMax: 10_000n, perProviderMax: 50_000n, depositsMax: 90_000n, jobsPerDeposit: 4n, sponsorFeeMax: 0n },
  );
  const till = createTill([{ payout, payee, perPayerMax: 100_000n }]);
  const worker = await world.worker(1, { answerTokens, price: paidPrice, slots: 4, provider: { till } });
  const asker = await world.asker(40, { purse });
  const ask = (content = 'hello') => {
    const params = { maxTokens: 500, temperature: 0 };
    return follow(asker.consumer, { ...chat(content), params, budget: '5000' } as AskRequest);
  };
  const promised = async () =>
    (await Promise.all(payer.list().map(({ id }) => payer.state(id)))).reduce((sum, one) => sum + one.promised, 0n);
  const received = () => payee.views().reduce((sum, { state }) => sum + state.promised, 0n);
  return { ...world, chain, payer, payee, worker, asker, ask, promised, received, spending, earning };
}

test('vouchers pay for a job: what was promised is what can be claimed, and what the receipt says', async () => {
  const { clock, ask, promised, received, chain } = await market();
  const job = ask();
  await until(clock, () => job.over);
  expect(job.state.phase).toBe('finished');
  const total = BigInt(job.state.cost!.total);
  expect(total).toBe(2n + 2n * 150n);
  expect([await promised(), received()]).toEqual([total, total]);
  expect(job.state.attempts[0]?.settlement?.receiptCheck.payment).toBe(true);
  expect(chain.deposits).toHaveLength(1);
});

test('jobs at the same time share a channel, and each is paid for its own', async () => {
  const { clock, ask, promised, received, chain } = await market();
  const jobs = ['one', 'two', 'three'].map(ask);
  await until(clock, () => jobs.every(({ over }) => over));
  expect(jobs.map(({ state }) => [state.phase, state.attempts[0]?.settlement?.receiptCheck.payment])).toEqual(
    jobs.map(() => ['finished', true]),
  );
  const total = jobs.reduce((sum, { state }) => sum + BigInt(state.cost!.total), 0n);
  expect([await promised(), received()]).toEqual([total, total]);
  expect(chain.deposits).toHaveLength(1);
});

test('a withdrawal that is announced in the middle ends the job with what was paid', async () => {
  const { clock, ask, payer, payee, promised, received } = await market();
  const job = ask();
  await until(clock, () => job.state.tokens > 70);
  const { id } = payer.list()[0]!;
  await payee.applyEvents([{ type: 'withdrawal-announced', channelId: id, withdrawableAt: 1_900_000_000 }]);
  await until(clock, () => job.over);
  expect(job.state.warnings).toContainEqual(expect.objectContaining({ code: 'withdrawal-pending' }));
  expect(job.state.text).not.toBe('');
  const chunk = BigInt(2 * limits.unpaidTokensMax);
  expect((await promised()) - received()).toBeLessThanOrEqual(chunk);
});

/** How many writes an undisturbed job makes. */
const writesOf = async () => {
  const { clock, ask, spending, earning } = await market({ answerTokens: 100 });
  const job = ask();
  await until(clock, () => job.over);
  return { asker: spending.writes(), worker: earning.writes() };
};

test('storage that fails at any write of either side leaves nobody out by more than a chunk', async () => {
  const writes = await writesOf();
  const chunk = BigInt(2 * limits.unpaidTokensMax);
  const endings = new Set<string>();
  for (const side of ['asker', 'worker'] as const) {
    for (let atWrite = 1; atWrite <= writes[side]; atWrite++) {
      for (const when of ['before', 'after'] as const) {
        const dying = { atWrite, when, for: 'once', code: 'storage-full' } as const;
        const { clock, ask, promised, received, worker } = await market({ answerTokens: 100, [side]: dying });
        const job = ask();
        await until(clock, () => job.over, 60_000);
        const where = `${side}, ${when} write ${atWrite}`;
        const { tokens, phase } = job.state;
        // What the worker made, input included where it began, against what it can claim; and what the asker promised for it.
        const made = BigInt(worker.provider.state.tokensOut);
        const earned = made === 0n ? 0n : 2n + 2n * made;
        expect(earned - received(), where).toBeLessThanOrEqual(chunk);
        expect((await promised()) - (2n + 2n * BigInt(tokens)), where).toBeLessThanOrEqual(chunk);
        endings.add(job.state.error?.code ?? phase);
      }
    }
  }
  // Before any work or in the middle: the asker's purse says why, the worker's till in a warning.
  expect(endings).toContain('storage-full');
});
