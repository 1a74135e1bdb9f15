import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { signWithdrawal, type SignedWithdrawal } from './actions/announce-withdrawal.ts';
import { signSettleOrder } from './actions/settle-for.ts';
import { signAuthorization } from './deposit.ts';
import { addressOfKey, bankingChain, startSeconds, testClock, testTerms, walletOf } from './pay.fixture.ts';
import type { ContractCall } from './spec.ts';
import { createSponsor, type SponsorInit } from './sponsor.ts';
import { channelIdOf } from './terms.ts';

const random = seededRandom(60);
/** Gas costs a thousandth of a unit. */
const rate = { units: 1n, wei: 10n ** 12n };

function sponsoring(init: Partial<SponsorInit> = {}) {
  const [chain, clock] = [bankingChain(), testClock()];
  const warnings: unknown[] = [];
  const announced: SignedWithdrawal[] = [];
  chain.gasOf = () => 120_000n;
  const sponsor = createSponsor(
    {
      chain,
      clock,
      wallet: walletOf(6),
      logger: { ...silentLogger, warn: (event, fields) => warnings.push({ event, ...fields }) },
      onAnnounce: async (signed) => void announced.push(signed),
    },
    { rate, ...init },
  );
  /** An opening of payer `n`, signed with this fee to this sponsor. */
  const opening = async (n: number, fee = 200n, to = 6, change: object = {}) => {
    const terms = testTerms(n, { payer: addressOfKey(n), ...change });
    const deposit = await signAuthorization(
      { chain, wallet: walletOf(n), random },
      {
        subject: channelIdOf(terms),
        to: chain.entry.contracts.channels,
        amount: 1_000n,
        validBefore: startSeconds + 600,
        sponsorship: { sponsor: addressOfKey(to), fee },
      },
    );
    return { terms, amount: 1_000n, deposit };
  };
  return { sponsor, chain, clock, opening, warnings, announced };
}

const lost = new TabloomError('insufficient-funds', 'The money was gone.', { details: { hash: '0x12' } });

test('quotes a fee that pays for the gas with some to spare, and sends for it', async () => {
  const { sponsor, chain, opening } = sponsoring();
  const { sponsor: account, fee } = await sponsor.quote('open');
  expect([account, fee]).toEqual([addressOfKey(6), 210n]);
  await sponsor.send('open', await opening(11, fee));
  await sponsor.send('top-up', await opening(11, fee));
  expect(chain.deposits).toEqual([1_000n, 1_000n]);
});

test.each<readonly [string, (scene: ReturnType<typeof sponsoring>) => Promise<unknown>, string]>([
  [
    'a fee below the estimate',
    async ({ sponsor, opening }) => sponsor.send('open', await opening(11, 149n)),
    'fee-too-small',
  ],
  [
    'a fee for somebody else',
    async ({ sponsor, opening }) => sponsor.send('open', await opening(11, 200n, 7)),
    'wrong-relay',
  ],
  [
    'a payer that is a contract',
    async ({ sponsor, chain, opening }) => {
      chain.contracts.add(addressOfKey(11));
      await sponsor.send('open', await opening(11));
    },
    'contract-signer',
  ],
  [
    'a top-up whose fee is in a worthless token',
    async ({ sponsor, opening }) => sponsor.send('top-up', await opening(11, 200n, 6, { token: addressOfKey(9) })),
    'token-unsupported',
  ],
  [
    'the same of an announcement',
    async ({ sponsor, chain }) => {
      const terms = testTerms(11, { payer: addressOfKey(11), token: addressOfKey(9) });
      const sponsorship = { sponsor: addressOfKey(6), fee: 500n };
      const signature = await signWithdrawal(chain, walletOf(11), terms, { sponsorship });
      await sponsor.announce({ terms, sponsorship, signature });
    },
    'token-unsupported',
  ],
])('refuses %s, and sends nothing', async (_, act, code) => {
  const scene = sponsoring();
  await expect(act(scene)).rejects.toMatchObject({ code });
  expect(scene.chain.sent).toEqual([]);
});

test('loses one transaction a payer and a few a day, then it stops and says so', async () => {
  const { sponsor, chain, clock, opening, warnings } = sponsoring({ lossesPerDayMax: 2 });
  const { transact } = chain;
  // The payer moved its tokens away between the estimate and the block.
  chain.transact = async (_, call: ContractCall) => {
    chain.sent.push(call);
    throw lost;
  };
  await expect(sponsor.send('open', await opening(11))).rejects.toBe(lost);
  await expect(sponsor.send('open', await opening(11))).rejects.toMatchObject({ code: 'relay-declined' });
  await expect(sponsor.send('open', await opening(12))).rejects.toBe(lost);
  await expect(sponsor.send('open', await opening(13))).rejects.toMatchObject({ code: 'relay-stopped' });
  await expect(sponsor.quote('open')).rejects.toMatchObject({ code: 'relay-stopped' });
  expect(chain.sent).toHaveLength(2);
  expect(warnings.map((each) => (each as { event: string }).event)).toEqual([
    'sponsored-deposit-lost',
    'sponsored-deposit-lost',
    'sponsor-stopped',
  ]);
  chain.transact = transact;
  await clock.advance(24 * 3_600_000);
  await sponsor.quote('open');
});

test('of several deposits that one payer can pay for once, one is sent and one at most is lost', async () => {
  const { sponsor, chain, opening } = sponsoring();
  const { transact } = chain;
  let sent = 0;
  chain.transact = async (...args) => {
    if (sent++ > 0) throw lost;
    return transact(...args);
  };
  const openings = await Promise.all([11, 11, 11, 11].map((n) => opening(n)));
  const codes = await Promise.allSettled(openings.map((each) => sponsor.send('top-up', each)));
  expect(codes.filter(({ status }) => status === 'fulfilled')).toHaveLength(0);
  expect(sent).toBe(2);
});

test('a deposit that failed before it was sent is no loss, and the queue is bounded', async () => {
  const { sponsor, chain, opening } = sponsoring();
  chain.tokenBalance = async () => 5n;
  const one = await opening(11);
  const all = await Promise.allSettled(Array.from({ length: 18 }, () => sponsor.send('open', one)));
  const codes = all.map((each) => (each as { reason: { code: string } }).reason.code);
  expect(codes.filter((code) => code === 'insufficient-funds')).toHaveLength(16);
  expect(codes.filter((code) => code === 'relay-busy')).toHaveLength(2);
  expect(chain.sent).toEqual([]);
});

/** A withdrawal of payer `n`, signed with this fee to this sponsor. */
async function leavingOf({ chain }: ReturnType<typeof sponsoring>, n: number, fee = 300n) {
  const terms = testTerms(n, { payer: addressOfKey(n) });
  const sponsorship = { sponsor: addressOfKey(6), fee };
  return { terms, sponsorship, signature: await signWithdrawal(chain, walletOf(n), terms, { sponsorship }) };
}

test('an announcement pays for the withdrawal too, is written down before it is sent, and is bounded by count', async () => {
  const scene = sponsoring({ announcementsPerDayMax: 5 });
  const { sponsor, chain, clock } = scene;
  expect((await sponsor.quote('announce')).fee).toBe(210n);
  await expect(sponsor.announce(await leavingOf(scene, 11, 231n))).rejects.toMatchObject({ code: 'fee-too-small' });
  expect(scene.announced).toEqual([]);
  const one = await leavingOf(scene, 11);
  for (let n = 0; n < 4; n++) await sponsor.announce(one);
  expect(scene.announced).toEqual([one, one, one, one]);
  await expect(sponsor.announce(one)).rejects.toMatchObject({ code: 'sponsor-limit' });
  await sponsor.announce(await leavingOf(scene, 12));
  await expect(sponsor.announce(await leavingOf(scene, 13))).rejects.toMatchObject({ code: 'sponsor-limit' });
  expect(chain.sent).toHaveLength(5);
  await clock.advance(24 * 3_600_000);
  await sponsor.announce(one);
});

test('a payout is sent for its fee, and one that failed on the chain is the last of its payee', async () => {
  const scene = sponsoring({ feeMin: 175n });
  const { sponsor, chain } = scene;
  const orderOf = (fee: bigint) =>
    signSettleOrder(chain, walletOf(11), {
      sponsorship: { sponsor: addressOfKey(6), fee },
      payeeMin: 1n,
      validBefore: startSeconds + 600,
    });
  await expect(sponsor.settle(await orderOf(174n))).rejects.toMatchObject({ code: 'fee-too-small' });
  await sponsor.settle(await orderOf(175n));
  expect(chain.sent).toHaveLength(1);
  chain.transact = () => Promise.reject(lost);
  await expect(sponsor.settle(await orderOf(175n))).rejects.toBe(lost);
  await expect(sponsor.settle(await orderOf(175n))).rejects.toMatchObject({ code: 'relay-declined' });
});
