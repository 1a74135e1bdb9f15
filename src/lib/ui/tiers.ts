import { m } from '#messages';
import type { Tier } from '#lib/protocol/job.ts';

/** What each tier guarantees and what it does not. */
export const tierSentences: Readonly<Record<Tier, () => string>> = {
  open: m.tier_open,
  verified: m.tier_verified,
  confidential: m.tier_confidential,
};
