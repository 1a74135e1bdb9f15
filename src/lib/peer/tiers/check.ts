import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Random } from '#lib/base/random.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import { drawSample } from '#lib/market/sample.ts';
import { parseAddress } from '#lib/pay/input.ts';
import { requireBond, type SeenBond } from '#lib/pay/registry.ts';
import type { Chain } from '#lib/pay/spec.ts';
import { chargeOf } from '#lib/protocol/charge.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Tier } from '#lib/protocol/job.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { AuditRecord, AuditSummary } from './audits.ts';

/** What was checked of a worker, one by one, as JSON has it. What is not here, was not checked. */
export interface TierFinding {
  /** Amounts in the smallest unit of the bond's token, as decimal text; the block it was read at. */
  readonly bond: {
    readonly chain: number;
    readonly provider: string;
    readonly amount: string;
    /** 200 times the largest job that its offer allows. */
    readonly required: string;
    readonly block: string;
  };
  readonly audits: AuditSummary;
}

/**
 * Which workers have a tier above the open one, by what was looked up and never by what they say. An asker prepares, then routes:
 * nobody is proven whose bond was not read in the last minute.
 */
export interface TierCheck {
  readonly tiers: readonly Tier[];
  /** Looks up the bonds of those that claim the tier and are not known; resolves when all are, or time is up. Never throws. */
  prepare(offers: readonly Offer[], tier: Tier, options?: AbortOptions): Promise<void>;
  proves(peer: PeerId, tier: Tier): boolean;
  /** Whether it was looked up and does not have the tier. Of what was not looked up neither this nor `proves` is true. */
  refutes(peer: PeerId, tier: Tier): boolean;
  /** Undefined where the tier is not proven. */
  finding(peer: PeerId): TierFinding | undefined;
  isConvicted(peer: PeerId): boolean;
}

export interface TierCheckComponents {
  readonly chains: readonly Chain[];
  readonly audits: AuditRecord;
  readonly clock: Clock;
  readonly random: Random;
}

/** A bond takes three weeks to leave, a price a second to rise: what was read is believed for so long. */
const keptMs = 60_000;
const keptMax = 1_024;
/** Bonds looked up for one job, and how long it waits for them. */
const lookedUpMax = 16;
const waitMs = 5_000;
/** Of all jobs together, at once. */
const askingMax = 64;
/** Answers that must have been re-scored before a worker has a record. */
const auditedMin = 3;

interface Looked {
  /** The provider and the largest job that the bond was compared with; see {@link termsOf}. */
  readonly terms: string;
  readonly at: number;
  /** Null: looked up, and not enough. */
  readonly bond: SeenBond | null;
}

export function createTierCheck({ chains, audits, clock, random }: TierCheckComponents): TierCheck {
  const looked = new Map<PeerId, Looked>();
  const asking = new Map<string, Promise<void>>();

  const isFresh = (one: Looked | undefined): one is Looked => one !== undefined && clock.now() - one.at < keptMs;

  async function look(offer: Offer, terms: string): Promise<void> {
    const { peer, payout } = offer;
    const chain = chains.find(({ entry }) => entry.id === payout?.chain);
    if (!chain || !payout) return;
    let bond: SeenBond | null = null;
    try {
      const provider = parseAddress('payout.provider', payout.provider);
      bond = await requireBond(chain, { provider, peer, tier: 'verified', largestJob: largestJobOf(offer) });
    } catch (error) {
      // What the chain did not answer is no finding: the next job asks again.
      if (!conclusive.has(errorCode(error))) return;
    }
    looked.delete(peer);
    if (looked.size >= keptMax) looked.delete(looked.keys().next().value!);
    looked.set(peer, { terms, at: clock.now(), bond });
  }

  const isConvicted = (peer: PeerId) => (audits.of(peer)?.convictions ?? 0) > 0;

  const finding = (peer: PeerId): TierFinding | undefined => {
    const one = looked.get(peer);
    const summary = audits.of(peer);
    if (!isFresh(one) || !one.bond || !summary) return undefined;
    if (summary.audited < auditedMin || summary.convictions > 0) return undefined;
    const { chain, provider, amount, required, block } = one.bond;
    return {
      bond: { chain, provider, amount: `${amount}`, required: `${required}`, block: `${block}` },
      audits: summary,
    };
  };

  return {
    tiers: ['verified'],
    async prepare(offers, tier, { signal } = {}) {
      if (tier !== 'verified') return;
      const unknown = offers.filter((offer) => {
        const one = looked.get(offer.peer);
        // Another provider or a dearer job needs another look, at once.
        if (one && one.terms !== termsOf(offer)) looked.delete(offer.peer);
        return offer.tiers.includes(tier) && offer.payout && !isFresh(looked.get(offer.peer));
      });
      // At random: many that claim what they have not must not stand before those that have it.
      const some = drawSample(unknown, Math.min(lookedUpMax, askingMax - asking.size), random);
      const lookups = some.map((offer) => {
        const terms = termsOf(offer);
        const key = `${offer.peer} ${terms}`;
        const pending = asking.get(key) ?? look(offer, terms).finally(() => asking.delete(key));
        asking.set(key, pending);
        return pending;
      });
      await withTimeout(Promise.all(lookups), clock, waitMs, { signal }).catch(() => undefined);
    },
    proves: (peer, tier) => tier === 'verified' && finding(peer) !== undefined,
    refutes(peer, tier) {
      const one = looked.get(peer);
      return tier === 'verified' && (isConvicted(peer) || (isFresh(one) && !one.bond));
    },
    finding,
    isConvicted,
  };
}

/** Read and found wanting, whatever the chain says a second later. */
const conclusive: ReadonlySet<string> = new Set([
  'bad-address',
  'bond-too-small',
  'provider-mismatch',
  'provider-unlisted',
]);

/** What the dearest job that the offer allows costs, in units: a context full of what is dearer to it, input or output. */
export function largestJobOf({ models }: Pick<Offer, 'models'>): bigint {
  return models.reduce((largest, { price, contextTokens: tokens }) => {
    const [read, written] = [chargeOf(price, { in: tokens, out: 0 }), chargeOf(price, { in: 0, out: tokens })];
    const dearer = read > written ? read : written;
    return dearer > largest ? dearer : largest;
  }, 0n);
}

const termsOf = (offer: Offer): string =>
  `${offer.payout?.chain} ${offer.payout?.provider} ${largestJobOf(offer).toString()}`;
