import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemRandom } from '#lib/base/random.ts';
import { announceWithdrawalFor, signWithdrawal } from '#lib/pay/actions/announce-withdrawal.ts';
import { claim } from '#lib/pay/actions/claim.ts';
import { close } from '#lib/pay/actions/close.ts';
import { open } from '#lib/pay/actions/open.ts';
import { refund } from '#lib/pay/actions/refund.ts';
import { settle } from '#lib/pay/actions/settle.ts';
import { topUp } from '#lib/pay/actions/top-up.ts';
import { withdraw } from '#lib/pay/actions/withdraw.ts';
import { channelUnitsMax } from '#lib/pay/amount.ts';
import { signClose } from '#lib/pay/closure.ts';
import type { Deposit } from '#lib/pay/deposit.ts';
import { closedSentinel, type Chain, type ChannelTerms, type Claim, type Hex } from '#lib/pay/spec.ts';
import { channelIdOf, delayMin, jobTerms, sessionTerms } from '#lib/pay/terms.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { startLocalChain, type LocalChain, type Person } from './chain.fixture.ts';
import { announce, claimOf, openSessionChannel, partiesOf, signDeposit } from './open-channel.fixture.ts';

let local: LocalChain;
let chain: Chain;
let payer: Person;
let provider: Person;
let stranger: Person;
beforeAll(async () => {
  local = await startLocalChain();
  chain = local.chain();
  payer = await local.person(1_000_000_000n);
  provider = await local.person(0n);
  stranger = await local.person(0n);
});
afterAll(() => local.stop());

const newTerms = () => sessionTerms(systemRandom, partiesOf(chain, payer, provider));
const newJob = async (seconds: number) =>
  jobTerms(systemRandom, partiesOf(chain, payer, provider), (await chain.head()).timestamp + seconds);
const vouchers = () => ({ chain, vouchers: createVoucherSigner(chain.entry) });
const endBy = async (terms: ChannelTerms) =>
  local.moveTo((await chain.channel(channelIdOf(terms))).withdrawableAt || terms.deadline + 1);
const openJob = async (seconds: number, amount: bigint) => {
  const terms = await newJob(seconds);
  await open(chain, payer.wallet, {
    terms,
    amount,
    deposit: await signDeposit(chain, payer, channelIdOf(terms), amount),
  });
  return terms;
};

/** Runs what must fail, and shows that nothing has changed by it. */
async function refused(code: string, terms: ChannelTerms, action: () => Promise<unknown>): Promise<void> {
  const look = async () => [
    await chain.channel(channelIdOf(terms)),
    await chain.tokenBalance(payer.address),
    await chain.tokenBalance(chain.entry.contracts.channels),
    await chain.owed(provider.address),
  ];
  const before = await look();
  await expect(action()).rejects.toMatchObject({ code });
  expect(await look()).toEqual(before);
}

describe('opening', () => {
  test('refuses bad input by name', async () => {
    const terms = newTerms();
    const id = channelIdOf(terms);
    const deposit = await signDeposit(chain, payer, id, 10n);
    const attempt = (change: Partial<Parameters<typeof open>[2]>, sender = payer) =>
      open(chain, sender.wallet, { terms, amount: 10n, deposit, ...change });
    const fails = (code: string, change: Partial<Parameters<typeof open>[2]>, sender = payer) =>
      refused(code, terms, () => attempt(change, sender));
    await fails('amount-zero', { amount: 0n });
    await fails('amount-too-large', { amount: channelUnitsMax + 1n });
    await fails('insufficient-funds', { amount: channelUnitsMax });
    await fails('bad-signature', { amount: 11n });
    await fails('bad-signature', { terms: newTerms() });
    await fails('bad-signature', { deposit: await signDeposit(chain, provider, id, 10n) });
    await fails('bad-signature', { deposit: withSignature(deposit, `0x${'00'.repeat(65)}`) });
    await fails('bad-terms', { terms: { ...terms, delay: delayMin - 1 } });
    await fails('bad-terms', { terms: { ...terms, payer: '0x12' } });
    await fails('token-unsupported', { terms: { ...terms, token: stranger.address } });
    await attempt({}, stranger);
    await fails('channel-exists', {}, stranger);
  });

  test('refuses an authorization that has run out, and one that was used', async () => {
    const terms = newTerms();
    const id = channelIdOf(terms);
    const deposit = await signDeposit(chain, payer, id, 10n);
    await local.moveTo((await chain.head()).timestamp + 3_600);
    await refused('authorization-expired', terms, () => open(chain, payer.wallet, { terms, amount: 10n, deposit }));
    const fresh = await signDeposit(chain, payer, id, 10n);
    await open(chain, payer.wallet, { terms, amount: 10n, deposit: fresh });
    await refused('authorization-used', terms, () =>
      topUp(chain, payer.wallet, { terms, amount: 10n, deposit: fresh }),
    );
  });

  test('refuses a job whose deadline has passed', async () => {
    const terms = await newJob(1);
    const deposit = await signDeposit(chain, payer, channelIdOf(terms), 10n);
    await local.moveTo(terms.deadline + 1);
    await refused('bad-terms', terms, () => open(chain, payer.wallet, { terms, amount: 10n, deposit }));
  });

  test('refuses a sender who cannot pay for gas, before sending', async () => {
    const terms = newTerms();
    const deposit = await signDeposit(chain, payer, channelIdOf(terms), 10n);
    const poor = await local.person(0n);
    await local.clients.clock.setBalance({ address: poor.address, value: 1_000n });
    await refused('insufficient-gas', terms, () => open(chain, poor.wallet, { terms, amount: 10n, deposit }));
  });
});

test('topping up refuses bad input, jobs, and channels that are missing, leaving or gone', async () => {
  const { terms, id } = await openSessionChannel(chain, payer, provider, 100n);
  const deposit = await signDeposit(chain, payer, id, 10n);
  const fails = (code: string, change: Partial<Parameters<typeof topUp>[2]> = {}) =>
    refused(code, terms, () => topUp(chain, stranger.wallet, { terms, amount: 10n, deposit, ...change }));
  await fails('amount-zero', { amount: 0n });
  await fails('amount-too-large', { amount: channelUnitsMax + 1n });
  await fails('insufficient-funds', { amount: channelUnitsMax });
  await fails('bad-signature', { amount: 11n });
  await fails('session-only', { terms: await newJob(100) });
  await fails('channel-missing', { terms: newTerms() });
  await topUp(chain, stranger.wallet, { terms, amount: 10n, deposit });
  expect((await chain.channel(id)).balance).toBe(110n);
  await fails('authorization-used');
  await announce(chain, payer, terms);
  await fails('withdrawal-pending', { deposit: await signDeposit(chain, payer, id, 10n) });
  await endBy(terms);
  await withdraw(chain, stranger.wallet, terms);
  await fails('channel-closed', { deposit: await signDeposit(chain, payer, id, 10n) });
});

describe('claiming', () => {
  test('takes the good of a batch, names the bad, and nothing twice', async () => {
    const [a, b] = [
      await openSessionChannel(chain, payer, provider, 100n),
      await openSessionChannel(chain, payer, provider, 100n),
    ];
    const claims: readonly Claim[] = [
      await claimOf(chain, payer, a.terms, 40n),
      await claimOf(chain, payer, b.terms, 101n),
      await claimOf(chain, payer, newTerms(), 1n),
      await claimOf(chain, stranger, b.terms, 50n),
    ];
    const done = await claim(vouchers(), stranger.wallet, claims);
    expect(done.credited).toEqual([{ channelId: a.id, claimed: 40n, treasuryPart: 4n }]);
    expect(done.skipped.map(({ refusal }) => refusal).toSorted()).toEqual([
      'bad-signature',
      'channel-missing',
      'overdrawn',
    ]);
    await refused('nothing-to-claim', a.terms, () => claim(vouchers(), stranger.wallet, claims));
    const older = await claimOf(chain, payer, a.terms, 39n);
    await refused('nothing-to-claim', a.terms, () => claim(vouchers(), stranger.wallet, [older]));
    await refused('batch-empty', a.terms, () => claim(vouchers(), stranger.wallet, []));
    const many = Array.from({ length: 201 }, () => claims[0]!);
    await refused('batch-too-long', a.terms, () => claim(vouchers(), stranger.wallet, many));
    const short = { ...older, cumulativeAmount: 60n, signature: '0x1234' } as const;
    await refused('nothing-to-claim', a.terms, () => claim(vouchers(), stranger.wallet, [short]));
  });

  test('while a withdrawal is announced still works, up to the second the money leaves', async () => {
    const { terms, id } = await openSessionChannel(chain, payer, provider, 100n);
    await announce(chain, payer, terms);
    await endBy(terms);
    await claim(vouchers(), provider.wallet, [await claimOf(chain, payer, terms, 30n)]);
    expect((await withdraw(chain, stranger.wallet, terms)).returned).toBe(70n);
    expect(await chain.channel(id)).toEqual({ balance: 30n, claimed: 30n, withdrawableAt: closedSentinel });
    const late = await claimOf(chain, payer, terms, 40n);
    await refused('nothing-to-claim', terms, () => claim(vouchers(), provider.wallet, [late]));
  });
});

describe('a job', () => {
  test('is paid once, by its provider, and the rest goes home', async () => {
    const terms = await openJob(600, 100n);
    const [paid, again] = [await claimOf(chain, payer, terms, 60n), await claimOf(chain, payer, terms, 80n)];
    await refused('nothing-to-claim', terms, () => claim(vouchers(), stranger.wallet, [paid]));
    await refused('too-early', terms, () => refund(chain, stranger.wallet, terms));
    const before = await chain.tokenBalance(payer.address);
    await claim(vouchers(), provider.wallet, [paid]);
    await refused('nothing-to-claim', terms, () => claim(vouchers(), provider.wallet, [again]));
    await refused('channel-closed', terms, () => refund(chain, stranger.wallet, terms));
    expect((await settle(chain, stranger.wallet, payer.address))?.amount).toBe(40n);
    expect(await chain.tokenBalance(payer.address)).toBe(before + 40n);
  });

  test('is refunded whole from the second after its deadline, once', async () => {
    const terms = await openJob(600, 100n);
    const late = await claimOf(chain, payer, terms, 60n);
    await local.moveTo(terms.deadline + 1);
    await refused('nothing-to-claim', terms, () => claim(vouchers(), provider.wallet, [late]));
    expect((await refund(chain, stranger.wallet, terms)).returned).toBe(100n);
    await refused('channel-closed', terms, () => refund(chain, stranger.wallet, terms));
  });

  test('is neither withdrawn nor refunded out of turn', async () => {
    const terms = await newJob(600);
    await refused('channel-missing', terms, () => refund(chain, stranger.wallet, terms));
    await refused('session-only', terms, () => withdraw(chain, payer.wallet, terms));
    await refused('session-only', terms, () => announce(chain, payer, terms));
    await refused('job-only', terms, () => refund(chain, payer.wallet, newTerms()));
  });
});

test('closing needs the right words of the right people', async () => {
  const { terms, id } = await openSessionChannel(chain, payer, provider, 100n);
  await claim(vouchers(), provider.wallet, [await claimOf(chain, payer, terms, 20n)]);
  const voucher = { channelId: id, ...(await claimOf(chain, payer, terms, 50n)) };
  const agreed = await signClose(chain, provider.wallet, { terms, finalAmount: 50n, voucher });
  const fails = (code: string, change: Partial<typeof agreed>) =>
    refused(code, terms, () => close(chain, stranger.wallet, { ...agreed, ...change }));
  await fails('bad-signature', { finalAmount: 51n });
  await fails('bad-signature', { providerSignature: '0x' });
  await fails('bad-signature', { voucher: null });
  await fails('wrong-channel', { voucher: { ...voucher, channelId: channelIdOf(newTerms()) } });
  await fails('final-amount-out-of-range', { finalAmount: channelUnitsMax + 1n });
  await fails('final-amount-out-of-range', { finalAmount: -1n });
  const tooLittle = await signClose(chain, provider.wallet, { terms, finalAmount: 19n, voucher: null });
  await fails('final-amount-out-of-range', tooLittle);
  const tooMuch = await signClose(chain, provider.wallet, { terms, finalAmount: 101n, voucher: null });
  await fails('final-amount-out-of-range', tooMuch);
  await expect(signClose(chain, stranger.wallet, agreed)).rejects.toMatchObject({ code: 'not-allowed' });
  await close(chain, stranger.wallet, agreed);
  expect(await chain.channel(id)).toEqual({ balance: 50n, claimed: 50n, withdrawableAt: closedSentinel });
  await fails('channel-closed', {});
});

test('a withdrawal goes step by step, and each step once', async () => {
  const { terms } = await openSessionChannel(chain, payer, provider, 100n);
  await refused('withdrawal-not-announced', terms, () => withdraw(chain, payer.wallet, terms));
  await expect(signWithdrawal(chain, stranger.wallet, terms)).rejects.toMatchObject({ code: 'not-payer' });
  const signature = await signWithdrawal(chain, payer.wallet, terms);
  const forged: Hex = `0x${'11'.repeat(65)}`;
  await refused('bad-signature', terms, () =>
    announceWithdrawalFor(chain, stranger.wallet, { terms, signature: forged }),
  );
  const { withdrawableAt } = await announceWithdrawalFor(chain, stranger.wallet, { terms, signature });
  await refused('withdrawal-pending', terms, () => announceWithdrawalFor(chain, stranger.wallet, { terms, signature }));
  await refused('too-early', terms, () => withdraw(chain, payer.wallet, terms));
  await local.moveTo(withdrawableAt - 2);
  await refused('too-early', terms, () => withdraw(chain, payer.wallet, terms));
  await local.moveTo(withdrawableAt);
  expect((await withdraw(chain, stranger.wallet, terms)).returned).toBe(100n);
  await refused('channel-closed', terms, () => withdraw(chain, stranger.wallet, terms));
  await refused('channel-closed', terms, () => announce(chain, payer, terms));
  await refused('channel-missing', terms, () => withdraw(chain, stranger.wallet, newTerms()));
});

test('a node of another chain is noticed before anything is signed away', async () => {
  const { createChain } = await import('#lib/pay/chain/chain.ts');
  const { systemClock } = await import('#lib/base/clock.ts');
  const other = createChain({ clock: systemClock, fetch }, { entry: { ...chain.entry, id: 8453 } });
  const terms = newTerms();
  const deposit = await signDeposit(chain, payer, channelIdOf(terms), 10n);
  await refused('wrong-chain', terms, () => open(other, payer.wallet, { terms, amount: 10n, deposit }));
  const injected = {
    type: 'injected' as const,
    address: payer.address,
    chainId: async () => 1,
    signTypedData: async () => '0x' as const,
    signMessage: async () => '0x' as const,
    sendTransaction: async () => '0x' as const,
  };
  await refused('wrong-chain', terms, () => open(chain, injected, { terms, amount: 10n, deposit }));
});

function withSignature(deposit: Deposit, signature: Hex): Deposit {
  return { ...deposit, authorization: { ...deposit.authorization, signature } };
}
