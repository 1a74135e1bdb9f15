import type { AbortOptions } from '#lib/base/abort.ts';
import type { Chain, ChannelId, Head, Hex } from './spec.ts';

/** How far a follower has read. Kept by the caller; without one, following starts at the newest block. */
export interface Bookmark {
  readonly number: bigint;
  readonly hash: Hex;
}

/** Blocks per query; nodes reject much larger ranges. */
const rangeBlocks = 1_000n;
/** Maximum queries per call; beyond that, following gives up and reports a reorganisation. */
const rangesMax = 20;

export interface FollowedBlocks {
  readonly bookmark: Bookmark;
  /** Channels that may have changed; read their state to find out how. */
  readonly touched: ReadonlySet<ChannelId>;
  /** True if the bookmark's block is no longer part of the chain, or too far back: read every known channel. */
  readonly isReorganised: boolean;
}

/**
 * Finds the channels that may have changed since the bookmark, without reporting how: freshly read state is correct
 * after any reorganisation, whereas accumulated events are not. @throws `chain-unavailable`.
 */
export async function followChain(
  chain: Chain,
  bookmark: Bookmark | null,
  options: AbortOptions = {},
): Promise<FollowedBlocks> {
  const head = await chain.head(options);
  if (!bookmark) return { bookmark: mark(head), touched: new Set(), isReorganised: true };
  if (head.number === bookmark.number && head.hash === bookmark.hash) {
    return { bookmark, touched: new Set(), isReorganised: false };
  }
  // Reverted changes may not appear in any new block, so events alone would miss them.
  if ((await chain.blockHash(bookmark.number, options)) !== bookmark.hash) {
    return { bookmark: mark(head), touched: new Set(), isReorganised: true };
  }
  const touched = new Set<ChannelId>();
  // A node's logs may lag behind its head, so unconfirmed blocks are queried again.
  const again = BigInt(chain.entry.confirmations);
  let from = bookmark.number >= again ? bookmark.number + 1n - again : 0n;
  for (let range = 0; from <= head.number; range++) {
    // Too far behind to catch up through events: reading every known channel is cheaper and more reliable.
    if (range >= rangesMax) return { bookmark: mark(head), touched, isReorganised: true };
    const to = from + rangeBlocks - 1n < head.number ? from + rangeBlocks - 1n : head.number;
    for (const event of await chain.events(from, to, options)) {
      if ('channelId' in event) touched.add(event.channelId);
    }
    from = to + 1n;
  }
  return { bookmark: mark(head), touched, isReorganised: false };
}

const mark = ({ number, hash }: Head): Bookmark => ({ number, hash });
