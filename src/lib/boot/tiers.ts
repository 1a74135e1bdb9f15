import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { AuditRecord, AuditSummary } from '#lib/peer/tiers/audits.ts';
import type { TierCheck } from '#lib/peer/tiers/check.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Tier } from '#lib/protocol/job.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';
import type { Offer } from '#lib/protocol/offer.ts';
import type { AuditsView, TierStanding } from '#lib/state/network.ts';

/** The check of tiers in a tab: bonds by its own reading of the chain, audits as the relay of its page has counted them. */
export interface TabTiers extends TierCheck {
  /**
   * Refuses before anything is asked where nothing could be looked up: a job is never asked in a lower tier instead.
   * @throws `tier-unchecked`, `audits-unread`, `chain-unknown`, `part-missing`, `aborted`.
   */
  require(tier: Tier, options?: AbortOptions): Promise<void>;
  /** Looks up what these claim, as far as `prepare` does, and says what was found of each; the others were not looked up. */
  standings(offers: readonly Offer[], options?: AbortOptions): Promise<ReadonlyMap<PeerId, TierStanding>>;
  /** What the page's relay says of payments. */
  notePayments(payments: RelayPayments | undefined): void;
}

export interface TabTiersComponents {
  readonly clock: Clock;
  readonly readAudits: (options?: AbortOptions) => Promise<AuditsView>;
  /** Makes what reads this chain. */
  readonly open: (payments: RelayPayments, audits: AuditRecord) => Promise<TierCheck>;
}

/** How long a question waits for the relay to name its chain. */
const relayTimeoutMs = 10_000;
/** Counts are read again after the one, and believed no longer than the other. */
const readAgainMs = 30_000;
const believedMs = 90_000;

export function createTabTiers({ clock, readAudits, open }: TabTiersComponents): TabTiers {
  let payments: RelayPayments | undefined;
  let check: TierCheck | undefined;
  let opening: Promise<TierCheck> | undefined;
  let read: { readonly at: number; readonly followed: boolean; readonly workers: ReadonlyMap<PeerId, AuditSummary> } = {
    at: -Infinity,
    followed: false,
    workers: new Map(),
  };
  const known = Promise.withResolvers<void>();

  const audits: AuditRecord = {
    of: (worker) => (clock.now() - read.at < believedMs ? read.workers.get(worker) : undefined),
  };
  const refresh = async (options?: AbortOptions) => {
    if (clock.now() - read.at < readAgainMs) return;
    const { followed, workers } = await readAudits(options);
    read = { at: clock.now(), followed, workers: new Map(workers.map(({ peer, ...counted }) => [peer, counted])) };
  };
  /** A failure is forgotten, so that the next question tries again. */
  const opened = (named: RelayPayments): Promise<TierCheck> => {
    const mine = (opening ??= open(named, audits));
    mine.then(
      (made) => opening === mine && (check = made),
      () => opening === mine && (opening = undefined),
    );
    return mine;
  };

  /** The relay says what chain it names, or nothing for too long. */
  const relayHeard = ({ signal }: AbortOptions = {}) =>
    withTimeout(known.promise, clock, relayTimeoutMs, { signal }).catch(() => signal?.throwIfAborted());
  const prepare: TierCheck['prepare'] = async (offers, tier, options) => {
    if (tier !== 'verified' || !payments) return;
    try {
      await refresh(options);
      await (await opened(payments)).prepare(offers, tier, options);
    } catch {
      // What could not be looked up is proven of nobody.
    }
  };
  const proves: TierCheck['proves'] = (peer, tier) => check?.proves(peer, tier) ?? false;
  const refutes: TierCheck['refutes'] = (peer, tier) => check?.refutes(peer, tier) ?? false;

  return {
    tiers: ['verified'],
    async standings(offers, options) {
      const claiming = offers.filter(({ tiers }) => tiers.includes('verified'));
      await relayHeard(options);
      await prepare(claiming, 'verified', options);
      return new Map(
        claiming.flatMap(({ peer }): [PeerId, TierStanding][] =>
          proves(peer, 'verified') ? [[peer, 'proven']] : refutes(peer, 'verified') ? [[peer, 'refuted']] : [],
        ),
      );
    },
    notePayments(named) {
      if (JSON.stringify(named) !== JSON.stringify(payments)) check = opening = undefined;
      payments = named;
      known.resolve();
    },
    async require(tier, options = {}) {
      if (tier !== 'verified') return;
      await relayHeard(options);
      if (!payments) {
        throw new TabloomError(
          'tier-unchecked',
          'The relay of this page names no chain, so no bond can be looked up and nobody counts as verified. Ask in the open tier, or open Tabloom at a relay that names a chain.',
        );
      }
      await refresh(options);
      if (!read.followed) {
        throw new TabloomError(
          'tier-unchecked',
          'The relay of this page follows no audits, so nobody counts as verified. Ask in the open tier, or open Tabloom at a relay that follows them.',
        );
      }
      await opened(payments);
    },
    prepare,
    proves,
    refutes,
    finding: (peer) => check?.finding(peer),
    isConvicted: (peer) => (audits.of(peer)?.convictions ?? 0) > 0,
  };
}
