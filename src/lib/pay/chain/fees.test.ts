import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bump } from './fees.ts';
import { chainLimits } from './limits.ts';

const fee = fc.bigInt(0n, 2n * chainLimits.feePerGasMax);

test('a replacement raises both fees by at least a tenth, up to the cap, and the tip never exceeds the total', () => {
  fc.assert(
    fc.property(fee, fee, (maxFeePerGas, maxPriorityFeePerGas) => {
      const next = bump({ maxFeePerGas, maxPriorityFeePerGas }, chainLimits);
      const isCapped = next.maxFeePerGas === chainLimits.feePerGasMax;
      expect(isCapped || next.maxFeePerGas * 100n >= maxFeePerGas * 110n + 1n).toBe(true);
      expect(next.maxFeePerGas <= chainLimits.feePerGasMax).toBe(true);
      expect(next.maxPriorityFeePerGas <= next.maxFeePerGas).toBe(true);
    }),
    { seed: 2 },
  );
});
