import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { payError } from './errors.ts';
import type { Chain } from './spec.ts';

/** A moment on this device, by both of its clocks. */
export interface Moment {
  readonly wallMs: number;
  readonly elapsedMs: number;
}

export const momentOf = (clock: Clock): Moment => ({ wallMs: clock.now(), elapsedMs: clock.elapsed() });

/**
 * Milliseconds since a moment. The larger of what both clocks say: one may stand still while the device sleeps, the other may be
 * set back.
 */
export const ageMs = (clock: Clock, { wallMs, elapsedMs }: Moment): number =>
  Math.max(clock.now() - wallMs, clock.elapsed() - elapsedMs);

/** What was read about a chain is out of date after this time: long enough for a slow node, far below any withdrawal's delay. */
export const viewMsDefault = 5 * 60_000;

/** A node whose newest block is the same for this long no longer follows its chain, although it answers. */
const stuckMs = 10 * 60_000;

/**
 * The chain's time, which is what its contracts go by; this device's clock may be off by any amount. Between readings it goes on
 * with what has passed here. It lags behind the chain by up to one block.
 */
export interface ChainTime {
  /** Unix seconds; null before the first reading. */
  now(): number | null;
  /**
   * Unix seconds, after a new reading if the last is out of date.
   * @throws `chain-unavailable`, `stale-view` if the node stopped following its chain.
   */
  current(options?: AbortOptions): Promise<number>;
}

export function createChainTime(
  chain: Chain,
  clock: Clock,
  { viewMs = viewMsDefault }: { readonly viewMs?: number } = {},
): ChainTime {
  let read: { readonly timestamp: number; readonly at: Moment } | null = null;
  let newest: { readonly number: bigint; readonly since: Moment } | null = null;
  const now = () => read && read.timestamp + Math.floor(Math.max(0, ageMs(clock, read.at)) / 1_000);
  return {
    now,
    async current(options) {
      if (read && ageMs(clock, read.at) < viewMs) return now()!;
      const at = momentOf(clock);
      const { number, timestamp } = await chain.head(options);
      if (newest?.number !== number) newest = { number, since: at };
      // A local chain makes blocks only for transactions.
      if (!chain.entry.isLocal && ageMs(clock, newest.since) >= stuckMs) {
        throw payError('stale-view', { details: { block: number, timestamp } });
      }
      read = { timestamp, at };
      return now()!;
    },
  };
}
