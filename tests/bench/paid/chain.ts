import { deployedChain } from '#lib/pay/chain/calls.ts';
import type { Chain } from '#lib/pay/spec.ts';

export const funds = 10n ** 12n;

/** Nobody is registered. */
const zero = `0x${'0'.repeat(64)}` as const;

/** A chain that answers at once, and on which every channel is open and full: what a job costs besides is measured. */
export const openChain = (): Chain =>
  ({
    entry: deployedChain(31_337),
    head: async () => ({ number: 1n, hash: `0x${'11'.repeat(32)}`, timestamp: Math.floor(Date.now() / 1_000) }),
    channel: async () => ({ balance: funds, claimed: 0n, withdrawableAt: 0 }),
    tokenBalance: async () => funds,
    hasCode: async () => false,
    stake: async () => ({
      bonded: 0n,
      unbonding: 0n,
      unbondedAt: 0,
      offerKey: zero,
      metadataHash: zero,
      pricesHash: zero,
    }),
    transact: async () => ({ hash: `0x${'22'.repeat(32)}`, blockNumber: 1n, gasUsed: 0n, events: [] }),
  }) as unknown as Chain;
