import { expect, test } from 'vitest';
import type { SignedSettleOrder } from './actions/settle-for.ts';
import { payOut } from './pay-out.ts';
import { addressOfKey, startSeconds, testChain, walletOf } from './pay.fixture.ts';

const wallet = walletOf(3);

function sponsor(fee: bigint) {
  const settled: SignedSettleOrder[] = [];
  return {
    settled,
    quote: async () => ({ sponsor: addressOfKey(6), fee }),
    async settle(signed: SignedSettleOrder) {
      settled.push(signed);
      return { hash: '0x' as const, blockNumber: 1n, gasUsed: 1n, events: [], amount: signed.order.payeeMin };
    },
  };
}

test('with gas a payee is paid out by itself, and nothing is sent where nothing is owed', async () => {
  const chain = testChain();
  expect(await payOut(chain, wallet, wallet)).toBe(null);
  expect(await payOut(chain, wallet, sponsor(1n))).toBe(null);
  chain.owed = async () => 100n;
  expect(await payOut(chain, wallet, wallet)).not.toBe(null);
  expect(chain.sent).toHaveLength(1);
});

test('without gas it signs for exactly what is left of the fee, and not where half of it would go', async () => {
  const chain = testChain();
  chain.owed = async () => 100n;
  const fair = sponsor(50n);
  expect(await payOut(chain, wallet, fair)).toMatchObject({ amount: 50n });
  expect(fair.settled[0]!.order).toMatchObject({ payeeMin: 50n, fee: 50n, validBefore: startSeconds + 3_600 });
  const dear = sponsor(51n);
  await expect(payOut(chain, wallet, dear)).rejects.toMatchObject({ code: 'sponsor-too-dear' });
  expect([dear.settled, chain.sent]).toEqual([[], []]);
});
