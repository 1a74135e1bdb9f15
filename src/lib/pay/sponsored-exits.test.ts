import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { addressOfKey, startSeconds, testChain, testClock, testStorage, testTerms, walletOf } from './pay.fixture.ts';
import { closedSentinel } from './spec.ts';
import { createSponsoredExits } from './sponsored-exits.ts';
import { channelIdOf, delayMin } from './terms.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const withdrawableAt = startSeconds + delayMin;
/** Gas costs a thousandth of a unit: a withdrawal 65, a payout 60. */
const rate = { units: 1n, wei: 10n ** 12n };

async function begun(fee = 70n) {
  const [chain, clock, storage] = [testChain(), testClock(), testStorage()];
  const open = () =>
    createSponsoredExits({ chain, clock, wallet: walletOf(6), storage, logger: silentLogger }, { rate });
  await open().remember({ terms, sponsorship: { sponsor: addressOfKey(6), fee }, signature: '0x' });
  chain.states.set(id, { balance: 100n, claimed: 0n, withdrawableAt });
  return { chain, storage, open };
}

test('a withdrawal that is due is sent once, also after a restart', async () => {
  const { chain, storage, open } = await begun();
  await open().round();
  expect(chain.sent).toEqual([]);
  chain.now = withdrawableAt;
  const again = open();
  await again.round();
  await again.round();
  expect(chain.sent).toHaveLength(1);
  expect(storage.values.size).toBe(0);
});

test('one that no longer pays for its gas is left to the payer, and one that fails is tried again', async () => {
  const { chain, storage, open } = await begun();
  chain.now = withdrawableAt;
  chain.states.set(id, { balance: 100n, claimed: 36n, withdrawableAt });
  await open().round();
  expect(chain.sent).toEqual([]);
  chain.states.set(id, { balance: 100n, claimed: 35n, withdrawableAt });
  const { transact } = chain;
  chain.transact = () => Promise.reject(new Error('no'));
  await open().round();
  expect(storage.values.size).toBe(1);
  chain.transact = transact;
  await open().round();
  expect(chain.sent).toHaveLength(1);
});

test('what somebody else has closed, or nobody has announced, is forgotten', async () => {
  const closed = await begun();
  closed.chain.states.set(id, { balance: 0n, claimed: 0n, withdrawableAt: closedSentinel });
  await closed.open().round();
  expect(closed.storage.values.size).toBe(0);
  const never = await begun();
  never.chain.states.set(id, { balance: 100n, claimed: 0n, withdrawableAt: 0 });
  never.chain.now = startSeconds + 24 * 3_600;
  await never.open().round();
  expect(never.storage.values.size).toBe(1);
  never.chain.now += 1;
  await never.open().round();
  expect(never.storage.values.size).toBe(0);
});

test('what it has earned is paid out once that is cheap beside it', async () => {
  const { chain, storage, open } = await begun();
  storage.values.clear();
  chain.owed = async () => 1_199n;
  await open().round();
  expect(chain.sent).toEqual([]);
  chain.owed = async () => 1_200n;
  await open().round();
  expect(chain.sent).toHaveLength(1);
});
