import { describe, expect, test } from 'vitest';
import { claimRefusal, screenClaims, withinGas } from './claims.ts';
import { batchGas, batchMax } from './cost.ts';
import { addressOfKey, entry, keyOf, startSeconds as now, testChain, testTerms } from './pay.fixture.ts';
import { closedSentinel, type ChannelTerms } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner } from './voucher.ts';

const vouchers = createVoucherSigner(entry);
const claimOf = async (terms: ChannelTerms, amount: bigint, key = keyOf(2)) => {
  const { signature } = await vouchers.sign(key, channelIdOf(terms), amount);
  return { channel: terms, cumulativeAmount: amount, signature };
};

function chainWith(...channels: readonly ChannelTerms[]) {
  const chain = testChain();
  for (const terms of channels)
    chain.states.set(channelIdOf(terms), { balance: 100n, claimed: 10n, withdrawableAt: 0 });
  return chain;
}

const sender = addressOfKey(8);

test('valid claims pass, bad ones are reported, one claim per channel', async () => {
  const [a, b, c] = [testTerms(1), testTerms(2), testTerms(3)];
  const chain = chainWith(a, b);
  const newest = await claimOf(a, 50n);
  const claims = [
    await claimOf(a, 40n),
    newest,
    await claimOf(a, 30n),
    await claimOf(b, 60n, keyOf(5)),
    await claimOf(c, 20n),
  ];
  const screened = await screenClaims({ chain, vouchers }, sender, claims);
  expect(screened.good).toEqual([newest]);
  expect(screened.skipped).toEqual([
    { channelId: channelIdOf(a), refusal: 'stale' },
    { channelId: channelIdOf(a), refusal: 'stale' },
    { channelId: channelIdOf(b), refusal: 'bad-signature' },
    { channelId: channelIdOf(c), refusal: 'channel-missing' },
  ]);
});

test('a forged or overdrawn voucher does not displace a valid one of its channel', async () => {
  const terms = testTerms();
  const [good, forged] = [await claimOf(terms, 50n), await claimOf(terms, 60n, keyOf(5))];
  const overdrawn = await claimOf(terms, 101n);
  const screened = await screenClaims({ chain: chainWith(terms), vouchers }, sender, [good, forged, overdrawn]);
  expect(screened.good).toEqual([good]);
  expect(screened.skipped.map(({ refusal }) => refusal)).toEqual(['overdrawn', 'bad-signature']);
});

test('claims of one payee are adjacent', async () => {
  const terms = [3, 5, 3, 5].map((provider, i) => testTerms(i, { provider: addressOfKey(provider) }));
  const claims = await Promise.all(terms.map((each) => claimOf(each, 20n)));
  const { good } = await screenClaims({ chain: chainWith(...terms), vouchers }, sender, claims);
  expect(
    good.map(({ channel }) => channel.provider).filter((provider, i, all) => provider !== all[i - 1]),
  ).toHaveLength(2);
});

test('a batch has at least one claim and at most the maximum', async () => {
  const chain = testChain();
  await expect(screenClaims({ chain, vouchers }, sender, [])).rejects.toMatchObject({ code: 'batch-empty' });
  const one = await claimOf(testTerms(), 20n);
  const tooMany = Array.from({ length: batchMax + 1 }, () => one);
  await expect(screenClaims({ chain, vouchers }, sender, tooMany)).rejects.toMatchObject({ code: 'batch-too-long' });
  const bad = { ...one, channel: { ...one.channel, delay: 0 } };
  await expect(screenClaims({ chain, vouchers }, sender, [bad])).rejects.toMatchObject({ code: 'bad-terms' });
});

describe('a claim would be skipped', () => {
  const open = { balance: 100n, claimed: 10n, withdrawableAt: 0 };
  const session = testTerms();
  const job = testTerms(2, { delay: 0, deadline: now });
  const ask = { terms: session, state: open, amount: 50n, sender, now };
  test.each([
    ['of an ended channel', { state: { ...open, withdrawableAt: closedSentinel } }, 'channel-closed'],
    ['of an unopened channel', { state: { balance: 0n, claimed: 0n, withdrawableAt: 0 } }, 'channel-missing'],
    ['for an amount already claimed', { amount: 10n }, 'stale'],
    ['for nothing', { amount: 0n }, 'stale'],
    ['for more than the deposit', { amount: 101n }, 'overdrawn'],
    ['of a job after its deadline', { terms: job, now: now + 1 }, 'deadline-passed'],
    ['of a job by a stranger', { terms: job }, 'not-provider'],
  ])('%s', (_, change, refusal) => {
    expect(claimRefusal({ ...ask, ...change })).toBe(refusal);
  });
  test('but not the others', () => {
    expect(claimRefusal({ ...ask, amount: 11n })).toBeNull();
    expect(claimRefusal({ ...ask, amount: 100n })).toBeNull();
    expect(claimRefusal({ ...ask, state: { ...open, withdrawableAt: 5 } })).toBeNull();
    expect(claimRefusal({ ...ask, terms: job, sender: job.provider })).toBeNull();
    expect(claimRefusal({ ...ask, terms: job, sender: job.providerSigner })).toBeNull();
  });
});

describe('a batch that would take more gas than it should', () => {
  const callOf = (claims: readonly unknown[]) =>
    ({ to: entry.contracts.channels, data: `0x${claims.length}` }) as const;
  const prepared = async () => {
    const terms = [1, 2, 3, 4].map((salt) => testTerms(salt, { payerSigner: addressOfKey(20 + salt) }));
    const chain = chainWith(...terms);
    return { chain, claims: await Promise.all(terms.map((each, i) => claimOf(each, 20n, keyOf(21 + i)))) };
  };
  const usual = batchGas.base + 4n * batchGas.channel;

  test('is sent whole as long as it fits', async () => {
    const { chain, claims } = await prepared();
    chain.gasOf = () => (usual * 3n) / 2n;
    expect(await withinGas(chain, sender, claims, { callOf })).toEqual(claims);
  });

  test('leaves out those whose signer has become a contract', async () => {
    const { chain, claims } = await prepared();
    chain.contracts.add(addressOfKey(22));
    chain.gasOf = (_, { data }) => (data === '0x4' ? 10n * usual : usual / 2n);
    const kept = await withinGas(chain, sender, claims, { callOf });
    expect(kept).toEqual([claims[0], claims[2], claims[3]]);
  });

  test('is halved until it fits, or not sent at all', async () => {
    const { chain, claims } = await prepared();
    chain.gasOf = (_, { data }) => (data === '0x1' ? 60_000n : 10n * usual);
    expect(await withinGas(chain, sender, claims, { callOf })).toEqual([claims[0]]);
    chain.gasOf = () => 10n * usual;
    expect(await withinGas(chain, sender, claims, { callOf })).toEqual([]);
    expect(await withinGas(chain, sender, [], { callOf })).toEqual([]);
  });
});
