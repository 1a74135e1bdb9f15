import { expect, test } from 'vitest';
import gas from '../../../contracts/gas.json' with { type: 'json' };
import { seededRandom } from '#lib/base/random.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import { createChainTime } from './chain-time.ts';
import { channelCosts } from './cost.ts';
import { bankingChain, parties, testClock, testPayer, testStorage, walletOf } from './pay.fixture.ts';
import { createPurse } from './purse.ts';
import { closedSentinel } from './spec.ts';
import { delayMin } from './terms.ts';

const lower = (address: string) => address.toLowerCase() as `0x${string}`;
const payout: Payout = {
  chain: 31_337,
  provider: lower(parties.provider),
  providerSigner: lower(parties.providerSigner),
  delay: delayMin,
  depositMin: '500',
};
const rate = { units: 1n, wei: 1n };

async function market(more: object = { rate }) {
  const clock = testClock();
  const chain = bankingChain();
  chain.gasPrice = async () => 2n;
  const storage = testStorage();
  const { payer } = await testPayer(storage, { clock, chain });
  const wallet = walletOf(1);
  const purse = createPurse(
    {
      chains: [{ chain, time: createChainTime(chain, clock), payer, wallet, sender: wallet, ...more }],
      random: seededRandom(4),
    },
    { perJobMax: 1_000n, perProviderMax: 5_000n, depositsMax: 5_000n, sponsorFeeMax: 0n, jobsPerDeposit: 2n },
  );
  const open = (budget: bigint) => purse.open(payout, { id: 'job', peer: 'peer', budget, tier: 'open' });
  return { clock, chain, payer, purse, open, channels: purse.channels! };
}

test('a channel has the room that no job has promised or reserved', async () => {
  const { channels, open, clock } = await market();
  expect(channels.to(payout, 1n)).toBe('none');
  const job = await open(400n);
  expect([channels.to(payout, 400n), channels.to(payout, 401n)]).toEqual(['room', 'short']);
  await job.promise(100n);
  job.end();
  await clock.advance(1);
  expect(channels.to(payout, 700n)).toBe('room');
  expect(channels.to(payout, 701n)).toBe('short');
  expect(channels.to({ ...payout, delay: delayMin + 1 }, 1n)).toBe('none');
  expect(channels.to({ ...payout, chain: 1 }, 1n)).toBe('none');
  expect(channels.to({ ...payout, provider: '0x12' }, 1n)).toBe('none');
});

test('what was promised before a restart takes room too, and a channel that is left has none', async () => {
  const { channels, open, payer } = await market();
  const { channelId } = await open(400n);
  await payer.promise(channelId, 300n);
  const { seen } = payer.list()[0]!;
  await payer.observe(channelId, { ...seen, withdrawableAt: 1_900_000_000 });
  expect(channels.to(payout, 1n)).toBe('none');
  await payer.observe(channelId, { ...seen, withdrawableAt: closedSentinel });
  expect(channels.to(payout, 1n)).toBe('none');
});

test('costs are the chain’s, read when they are first asked for and ten minutes later', async () => {
  const { channels, chain, clock } = await market();
  let reads = 0;
  chain.gasPrice = async () => BigInt(2 + reads++);
  expect(channels.costs(31_337)).toBeUndefined();
  await clock.advance(1);
  expect(channels.costs(31_337)).toEqual({ open: 2n * 249_000n, topUp: 2n * 85_000n });
  chain.now += 700;
  await clock.advance(700_000);
  expect(channels.costs(31_337)?.topUp).toBe(170_000n);
  await clock.advance(1);
  expect(channels.costs(31_337)?.topUp).toBe(255_000n);
  expect(reads).toBe(2);
  expect(channels.costs(1)).toBeUndefined();
});

test('a sponsor’s fees are the costs; without them or a rate they are not known, and nothing throws', async () => {
  const fees = { open: 30n, announce: 20n, 'top-up': 10n };
  const quote = async (action: keyof typeof fees) => ({ sponsor: walletOf(9).address, fee: fees[action] });
  const sponsored = await market({ sender: { quote } });
  sponsored.channels.costs(31_337);
  await sponsored.clock.advance(1);
  expect(sponsored.channels.costs(31_337)).toEqual({ open: 50n, topUp: 10n });
  const silent = await market({ sender: { quote: () => Promise.reject(new Error('gone')) } });
  const unrated = await market({});
  for (const { channels, clock } of [silent, unrated]) {
    for (let n = 0; n < 3; n++) {
      expect(channels.costs(31_337)).toBeUndefined();
      await clock.advance(1);
    }
  }
});

test('gas of a channel is rounded up from what was measured', () => {
  const none = { base: 0n, channel: 0n };
  const { open, topUp } = channelCosts({ gasPriceWei: 1n, dataFeeWei: none, rate });
  const byAuthorization = gas['open by authorization (EIP-3009)'] - gas['open by approval'];
  const whole =
    gas['open by authorization (EIP-3009)'] +
    gas['announce withdrawal'] +
    gas['withdraw'] +
    gas['settle provider, first'];
  expect(Number(open)).toBeGreaterThanOrEqual(whole);
  expect(Number(open)).toBeLessThan(whole * 1.05);
  expect(Number(topUp)).toBeGreaterThanOrEqual(gas['top up by approval'] + byAuthorization);
  const priced = channelCosts({ gasPriceWei: 0n, dataFeeWei: { base: 7n, channel: 1n }, rate });
  expect(priced).toEqual({ open: 28n, topUp: 7n });
});
