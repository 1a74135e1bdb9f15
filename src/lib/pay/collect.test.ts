import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { createCollector } from './collect.ts';
import { createPayee } from './payee.ts';
import { addressOf, entry, keyOf, testChain, testClock, testStorage, testTerms, walletOf } from './pay.fixture.ts';
import { claimPolicyDefault } from './policy.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner, voucherRecord } from './voucher.ts';
import { createVoucherStore } from './voucher-store.ts';

const terms = testTerms();
const id = channelIdOf(terms);
const vouchers = createVoucherSigner(entry);

async function collecting() {
  const chain = testChain();
  const warnings: unknown[] = [];
  const payee = await createPayee({
    store: createVoucherStore(testStorage()),
    clock: testClock(),
    chain,
    provider: addressOf(3),
    providerSigner: addressOf(4),
  });
  chain.states.set(id, { balance: 10_000_000n, claimed: 0n, withdrawableAt: 0 });
  await payee.admit(terms);
  const collector = createCollector(
    {
      chain,
      payee,
      vouchers,
      wallet: walletOf(3),
      logger: { ...silentLogger, warn: (event, fields) => warnings.push({ event, ...fields }) },
    },
    { policy: claimPolicyDefault, rate: { units: 4_000_000_000n, wei: 10n ** 18n } },
  );
  const promise = async (amount: bigint) => payee.receive(voucherRecord(await vouchers.sign(keyOf(2), id, amount)));
  return { chain, payee, collector, promise, warnings };
}

test('leaves small sums, claims at once when the payer is leaving', async () => {
  const { chain, collector, promise } = await collecting();
  await promise(500_000n);
  expect(await collector.round()).toEqual([]);
  expect(chain.sent).toHaveLength(0);
  chain.states.set(id, { balance: 10_000_000n, claimed: 0n, withdrawableAt: chain.now + 86_400 });
  // The block is the same to a follower that looks at its hash, so the news comes with the next one.
  chain.head = async () => ({ number: 101n, hash: `0x${'44'.repeat(32)}`, timestamp: chain.now });
  chain.events = async () => [{ type: 'withdrawal-announced', channelId: id, withdrawableAt: chain.now + 86_400 }];
  expect(await collector.round()).toHaveLength(1);
  expect(chain.sent).toHaveLength(1);
});

test('goes on after a claim that failed, and reads the blocks again after a round that broke off', async () => {
  const { chain, collector, promise, warnings } = await collecting();
  await promise(9_000_000n);
  chain.answers = false;
  await expect(collector.round()).rejects.toMatchObject({ code: 'chain-unavailable' });
  chain.answers = true;
  const { transact } = chain;
  chain.transact = async () => {
    throw Object.assign(new Error('no'), { code: 'transaction-stuck' });
  };
  expect(await collector.round()).toEqual([]);
  expect(warnings).toEqual([{ event: 'claim-failed', code: 'transaction-stuck', channels: 1 }]);
  chain.transact = transact;
  expect(await collector.round()).toHaveLength(1);
});
