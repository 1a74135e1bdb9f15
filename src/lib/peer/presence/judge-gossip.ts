import type { Clock } from '#lib/base/clock.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Subscription } from '#lib/net/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { admitGossip } from './admit-offer.ts';
import { createOfferQuota } from './offer-quota.ts';

export interface JudgeComponents {
  readonly directory: Directory;
  readonly clock: Clock;
  /** Relays, which hand on what others have published. */
  readonly trusts: (source: PeerId) => boolean;
  /**
   * What becomes of offers whose peer is not connected here and that no relay handed over. Keys cost nothing and
   * connections do: a relay takes none, or one connection could fill its directory. A peer that is not reached by
   * many takes a few, so that it learns of others without a relay.
   */
  readonly strangers: 'none' | 'few';
}

/** Judges the offers' topic: whose share an offer falls into, whether that is used up, and what the offer is worth. */
export function createGossipJudge(components: JudgeComponents): Subscription['validate'] {
  const { directory, clock, trusts, strangers } = components;
  const quota = createOfferQuota(clock);

  return (message, from, { source, connected }) => {
    const answerable = connected || trusts(source);
    if (!answerable && strangers === 'none') return 'ignore';
    if (!quota.take(answerable ? from : `through ${source}`)) return source === from ? 'reject' : 'ignore';
    return admitGossip(directory, message, from);
  };
}
