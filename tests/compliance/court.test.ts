import { describe, test } from 'vitest';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createMemoryCourt } from '#lib/pay/court-memory.ts';
import { seededRandom } from '#lib/base/random.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { courtCases, type CourtTown } from './court.ts';

function memoryTown(): CourtTown {
  let now = 1_800_000_000;
  const court = createMemoryCourt({ entry: deployedChain(31_337), now: () => now });
  const random = seededRandom(11);
  const account = () => localWallet(drawKey(random));
  const validators = Array.from({ length: 7 }, account);
  const newcomer = account();
  for (const { address } of validators) {
    court.validators.set(address, { since: now, until: null });
    court.balances.add(address, 50_000_000n);
  }
  court.validators.set(newcomer.address, { since: now + 1_000_000_000, until: null });
  return {
    court,
    validators,
    newcomer,
    async person(units, stake = 0n) {
      const wallet = account();
      court.balances.add(wallet.address, units);
      court.stakes.add(wallet.address, stake);
      return wallet;
    },
    balance: async (address) => court.balances.of(address),
    stake: async (address) => court.stakes.of(address),
    async moveTo(seconds) {
      now = Math.max(now, seconds);
    },
  };
}

describe('the court in memory', () => {
  test.each(courtCases.map((one) => [one.name, one.run] as const))('%s', (_name, run) => run(memoryTown()));
});
