import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { Paying } from '#lib/market/pay-way.ts';
import type { DirectoryEntry } from '#lib/market/spec.ts';
import type { Purse } from '#lib/pay/ports.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { PaidWorkBook } from './paid-work.ts';

/** What this asker knows of how workers would be paid, for choosing among them. */
export interface PayWays {
  /** Of a job that may cost so much still. Undefined where nothing is known: no budget, or no purse that tells. */
  paying(budget: string | undefined): Paying | undefined;
  /**
   * Opens the purse where a hub is among those that could be asked, so that what it has stored is known. Never throws, and waits for
   * so long at most; what is not known then counts as dear.
   */
  prepare(budget: string | undefined, serving: readonly DirectoryEntry[], options: AbortOptions): Promise<void>;
  /** The purse could not pay this worker: for a while a hub is asked in its place. */
  refused(worker: PeerId): void;
  /** The same, with nobody for whom a channel would have to be opened or topped up first. */
  withoutOpening(): PayWays;
}

const openMsMax = 3_000;
const refusedMs = 10 * 60_000;
const refusedMax = 256;

export function createPayWays({
  purse,
  work,
  clock,
}: {
  readonly purse: Purse | undefined;
  readonly work: PaidWorkBook;
  readonly clock: Clock;
}): PayWays {
  const refused = new Map<PeerId, number>();
  const channels = purse?.channels;
  const ways: PayWays = {
    paying(budget) {
      if (!channels || budget === undefined) return undefined;
      const units = BigInt(budget);
      return {
        work: (artefact) => work.of(artefact),
        costs: (chain) => channels.costs(chain),
        channel({ entry: { offer } }) {
          if ((refused.get(offer.peer) ?? 0) > clock.elapsed()) return 'refused';
          return offer.payout ? channels.to(offer.payout, units) : 'none';
        },
      };
    },
    async prepare(budget, serving, { signal }) {
      if (!channels || budget === undefined) return;
      if (!serving.some(({ offer }) => offer.models.some(({ hub }) => hub))) return;
      const opening = (async () => channels.ready())();
      await withTimeout(opening, clock, openMsMax, { signal }).catch(() => undefined);
    },
    refused(worker) {
      refused.delete(worker);
      refused.set(worker, clock.elapsed() + refusedMs);
      const oldest = refused.keys().next();
      if (refused.size > refusedMax && !oldest.done) refused.delete(oldest.value);
    },
    withoutOpening: () => ({
      ...ways,
      paying(budget) {
        const known = ways.paying(budget);
        return known && { ...known, channel: (one) => (known.channel(one) === 'room' ? 'room' : 'refused') };
      },
    }),
  };
  return ways;
}
