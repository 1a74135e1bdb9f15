import { expect, test } from 'vitest';
import { gettersOf } from '#lib/base/getters.fixture.ts';
import { seededRandom } from '#lib/base/random.ts';
import { afterEnd } from './after-end.ts';
import { createChainTime } from './chain-time.ts';
import { payFromJobChannel } from './job-payment.ts';
import { bankingChain, parties, testClock, testPayee, testPayer, testStorage, walletOf } from './pay.fixture.ts';
import { createPurse } from './purse.ts';
import { delayMin } from './terms.ts';
import { createTill } from './till.ts';

const { provider, providerSigner } = parties;
const payout = { chain: 31_337, provider, providerSigner, delay: delayMin, depositMin: '1' } as const;

test('what every paid job makes has no getters', async () => {
  const [clock, chain, wallet] = [testClock(), bankingChain(), walletOf(1)];
  const { payer } = await testPayer(testStorage(), { clock, chain });
  const payee = await testPayee(testStorage(), { clock, chain });
  const purse = createPurse(
    {
      chains: [{ chain, time: createChainTime(chain, clock), payer, wallet, sender: wallet }],
      random: seededRandom(1),
    },
    { perJobMax: 1_000n, perProviderMax: 3_000n, depositsMax: 5_000n, sponsorFeeMax: 100n, jobsPerDeposit: 4n },
  );
  const payment = await purse.open(payout, { id: 'job', peer: 'peer', budget: 200n, tier: 'open' });
  const receivable = await createTill([{ payout, payee, perPayerMax: 100_000n }]).open(payment, { id: 'job' });
  const { terms, channelId } = payment;
  const sent = { ...payout, provider: terms.provider, providerSigner: terms.providerSigner };
  const once = await payFromJobChannel(payer, { chain: 31_337, id: channelId, terms }, { payout: sent, budget: 100n });
  const made = { payment, receivable, afterEnd: afterEnd(receivable, () => undefined), once };
  const getters = Object.entries(made).map(([what, one]) => [what, gettersOf(one)]);
  expect(getters).toEqual(Object.keys(made).map((what) => [what, []]));
});
