import { expect, test } from 'vitest';
import { channelsCall } from './chain/calls.ts';
import { batchBytes, batchCost, batchMax, channelCost, readGasTerms, type GasTerms } from './cost.ts';
import { addressOfKey, entry, testChain, testTerms } from './pay.fixture.ts';

const none = { base: 0n, channel: 0n };

test('gas is priced exactly and rounded up', () => {
  const half: GasTerms = { gasPriceWei: 1n, dataFeeWei: none, rate: { units: 1n, wei: 44_001n } };
  expect(channelCost(1, half)).toBe(1n);
  expect(channelCost(2, half)).toBe(1n);
  expect(channelCost(0, half)).toBe(0n);
  // 22,000 gas at 1 gwei with a coin at 4,000.00 units of 6 decimals: 0.088.
  const real = { gasPriceWei: 10n ** 9n, dataFeeWei: none, rate: { units: 4_000_000_000n, wei: 10n ** 18n } };
  expect(channelCost(1, real)).toBe(88_000n);
  expect(batchCost(1, real)).toBe(88_000n + 268_000n);
  expect(batchCost(1, { ...real, dataFeeWei: { base: 10n ** 12n, channel: 10n ** 12n } })).toBe(356_000n + 8_000n);
});

test('a data fee with a minimum is never underestimated', async () => {
  const chain = testChain();
  const fee = (bytes: number) => (bytes < 30_000 ? 100n : BigInt(bytes) - 29_900n);
  chain.dataFee = async (bytes) => fee(bytes);
  const { dataFeeWei } = await readGasTerms(chain, { units: 1n, wei: 1n });
  for (let channels = 1; channels <= batchMax; channels++) {
    const actual = fee(batchBytes.base + batchBytes.channel * channels);
    expect(dataFeeWei.base + dataFeeWei.channel * BigInt(channels) >= actual).toBe(true);
  }
});

test('no batch exceeds the estimated size, with or without a claim order', () => {
  const claimsOf = (length: number) =>
    Array.from({ length }, (_, salt) => ({
      channel: testTerms(salt + 1),
      cumulativeAmount: 5n,
      signature: `0x${'11'.repeat(65)}` as const,
    }));
  const order = {
    providerSigner: addressOfKey(4),
    relay: addressOfKey(6),
    feePerClaim: 1n,
    validBefore: 1,
    claimsHash: `0x${'11'.repeat(32)}`,
  } as const;
  for (const length of [1, batchMax]) {
    const args = [claimsOf(length), order, `0x${'11'.repeat(65)}`] as const;
    const { data } = channelsCall(entry, { functionName: 'claimFor', args });
    // An EIP-1559 envelope has at most 120 bytes besides its data.
    expect(data.length / 2 - 1 + 120).toBeLessThanOrEqual(batchBytes.base + batchBytes.channel * length);
  }
});
