import { chargeOf } from '#lib/protocol/charge-of.ts';
import type { ArtefactId } from '#lib/protocol/ids.ts';
import type { Candidate } from './spec.ts';

/** Paid jobs of one model, and their tokens in and out, in the last days, whoever answered them. */
export interface PaidWork {
  readonly jobs: number;
  readonly in: number;
  readonly out: number;
}

/** What the chain takes for a channel beside what is paid through it, in units of the token. */
export interface ChannelCosts {
  /** From its opening until the rest is back. */
  readonly open: bigint;
  readonly topUp: bigint;
}

/** What an asker knows of its own payments, without asking anybody. */
export interface Paying {
  /** Its channel to a worker: with room for the job, `short` of it, or none; `refused` where its purse failed a moment ago. */
  readonly channel: (candidate: Candidate) => 'room' | 'short' | 'none' | 'refused';
  readonly work: (artefact: ArtefactId) => PaidWork;
  /** Undefined while it is not known. */
  readonly costs: (chain: number) => ChannelCosts | undefined;
}

/**
 * How a worker with a price would be paid where a hub sells its model too. `standing`: through a channel that is there and has room.
 * `worth`: through one that has to be opened or topped up, and saves more than that costs. `dear`: the same, and it does not; such a job is the hub's.
 */
export type PayWay = 'standing' | 'worth' | 'dear';

/** Fewer paid jobs of a model in the last days are no habit, whatever they cost. */
export const habitJobsMin = 5;

interface Payable {
  readonly candidate: Candidate;
  /** It charges this asker something. */
  readonly pays: boolean;
  /** It is not to be avoided, and has a free slot. */
  readonly isReady: boolean;
}

/**
 * The ways of those workers that have one. Where no hub is ready to do the job, nothing is said of anybody: a channel is then opened to
 * whoever is chosen.
 */
export function payWays<T extends Payable>(all: readonly T[], paying: Paying | undefined): ReadonlyMap<T, PayWay> {
  const ways = new Map<T, PayWay>();
  if (!paying) return ways;
  for (const [artefact, some] of Map.groupBy(all, ({ candidate }) => candidate.model.artefact)) {
    const hubs = some.filter(({ candidate, pays, isReady }) => candidate.model.hub && pays && isReady);
    if (hubs.length === 0) continue;
    const work = paying.work(artefact);
    const throughHub = hubs.map(({ candidate }) => chargeOf(candidate.model.price, work)).reduce(lesser);
    const direct = some
      .filter(({ candidate, pays }) => pays && !candidate.model.hub)
      .map((one) => ({ one, channel: paying.channel(one.candidate) }));
    const standing = direct.filter(({ channel }) => channel === 'room').length;
    for (const { one, channel } of direct) {
      const { model, entry } = one.candidate;
      const costs = paying.costs(entry.offer.payout?.chain ?? 0);
      const saved = throughHub - chargeOf(model.price, work);
      // Each further channel has to be worth it beside those that are there.
      const cost = costs && (channel === 'short' ? costs.topUp : costs.open * BigInt(1 + standing));
      const isWorth = work.jobs >= habitJobsMin && saved > 0n && cost !== undefined && saved >= cost;
      ways.set(one, channel === 'room' ? 'standing' : channel !== 'refused' && isWorth ? 'worth' : 'dear');
    }
  }
  return ways;
}

const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);
