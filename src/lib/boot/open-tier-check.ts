import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import type { AuditRecord } from '#lib/peer/tiers/audits.ts';
import { createTierCheck, type TierCheck } from '#lib/peer/tiers/check.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';

/** Looks bonds up on the chain that the page's relay names. Loaded late, as all that knows a chain. @throws `chain-unknown`. */
export function openTierCheck(
  { chain, rpc }: RelayPayments,
  components: {
    readonly audits: AuditRecord;
    readonly clock: Clock;
    readonly random: Random;
    readonly fetch: typeof globalThis.fetch;
  },
): TierCheck {
  const entry = { ...deployedChain(chain), rpcUrl: rpc };
  return createTierCheck({ ...components, chains: [createChain(components, { entry })] });
}
