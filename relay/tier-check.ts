import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import type { Chain } from '#lib/pay/spec.ts';
import type { AuditRecord } from '#lib/peer/tiers/audits.ts';
import type { TierCheck } from '#lib/peer/tiers/check.ts';

/** Checks tiers by the chain that a relay reads; undefined where it reads none, and then only the open one is served. */
export async function openTierCheck({
  chain,
  ...components
}: {
  readonly chain: Chain | undefined;
  readonly audits: AuditRecord;
  readonly clock: Clock;
  readonly random: Random;
}): Promise<TierCheck | undefined> {
  if (!chain) return undefined;
  // What knows a chain takes long to load.
  const { createTierCheck } = await import('#lib/peer/tiers/check.ts');
  return createTierCheck({ chains: [chain], ...components });
}
