import type { AbortOptions } from '#lib/base/abort.ts';
import type { Chain, ChannelId, Head, Hex } from './spec.ts';

/** How far a follower has read. Kept by the caller; a fresh one starts at the newest block. */
export interface Bookmark {
  readonly number: bigint;
  readonly hash: Hex;
}

/** Blocks in one reading; a node refuses many more at once. */
const rangeBlocks = 1_000n;
/** Readings in one call; what is left is read in the next. */
const rangesMax = 20;

export interface FollowedBlocks {
  readonly bookmark: Bookmark;
  /** Channels that something has happened to, maybe; read their state to learn what. */
  readonly touched: ReadonlySet<ChannelId>;
  /** True when the bookmark's block is not part of the chain any more, or too far back: read every known channel. */
  readonly isReorganised: boolean;
}

/**
 * Looks for news since the bookmark. It tells where to look and not what happened: the state of a channel, read afresh,
 * is right after any reorganisation, and a sum of events is not. @throws `chain-unavailable`.
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
  // What was undone may be in none of the new blocks, so that events cannot tell of it.
  if ((await chain.blockHash(bookmark.number, options)) !== bookmark.hash) {
    return { bookmark: mark(head), touched: new Set(), isReorganised: true };
  }
  const touched = new Set<ChannelId>();
  // A node's logs may trail its head: blocks that are not settled yet are asked for once more.
  const again = BigInt(chain.entry.confirmations);
  let from = bookmark.number >= again ? bookmark.number + 1n - again : 0n;
  for (let range = 0; from <= head.number; range++) {
    // Too far behind to catch up by events: reading every known channel is cheaper, and says more.
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
