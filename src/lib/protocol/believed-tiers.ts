import type { Tier } from './job.ts';
import type { Offer } from './offer.ts';

/**
 * What may be said of an offer's tiers without a proof. Those above the open one are a claim until somebody has checked it. Apart from
 * `offer.ts`, so that pages show tiers without the schemas.
 */
export const believedTiers = ({ tiers }: Pick<Offer, 'tiers'>): readonly Tier[] =>
  tiers.filter((tier) => tier === 'open');
