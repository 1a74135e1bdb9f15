import { sha256 } from '@noble/hashes/sha2.js';
import type { AbortOptions } from '#lib/base/abort.ts';
import { fromHex, toHex, utf8Encode } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Beacon, BeaconValue } from './beacon.ts';

/** Blocks of a public chain. Undefined where there is none (yet), or nobody answers. */
export interface Blocks {
  head(options?: AbortOptions): Promise<Block | undefined>;
  at(number: number, options?: AbortOptions): Promise<Block | undefined>;
}

export interface Block {
  readonly number: number;
  /** `0x` and 64 hexadecimal digits. */
  readonly hash: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

export interface BlockBeaconComponents {
  /** Of the chain, by EIP-155. */
  readonly chain: number;
  readonly blocks: Blocks;
  readonly clock: Pick<Clock, 'now'>;
  /** Blocks on top of the one that is read, so that no reorganisation changes it. */
  readonly confirmations: number;
  readonly periodSeconds: number;
}

/** Halvings in which a block is found; a chain has fewer than 2^53 of them. */
const stepsMax = 64;

/**
 * The other source: the hash of a block. Round r is the first block dated at or after r periods since the epoch, so that a
 * round's time needs no chain to be known. Who proposes that block may withhold it once and so draw again, at the cost of the
 * block: good enough where one draw decides over little, and no substitute for `drand.ts` where it is at hand.
 */
export function createBlockBeacon(components: BlockBeaconComponents): Beacon {
  const { chain, blocks, clock, confirmations, periodSeconds } = components;
  const periodMs = periodSeconds * 1_000;
  const find = async (seconds: number, head: Block, options: AbortOptions): Promise<Block | 'missing' | 'not-yet'> => {
    if (head.timestamp < seconds) return 'not-yet';
    let [low, found] = [0, head];
    for (let step = 0; low < found.number && step < stepsMax; step++) {
      const block = await blocks.at(Math.floor((low + found.number) / 2), options);
      if (!block) return 'missing';
      if (block.timestamp >= seconds) found = block;
      else low = block.number + 1;
    }
    return head.number - found.number >= confirmations ? found : 'not-yet';
  };
  return {
    id: toHex(sha256(utf8Encode(`tabloom/blocks/2/${chain}/${periodSeconds}/${confirmations}`))),
    timeOf: (round) => round * periodMs,
    roundAfter: (atMs) => Math.floor(atMs / periodMs) + 1,
    async value(round, { signal } = {}): Promise<BeaconValue> {
      if (clock.now() < round * periodMs) return { type: 'not-yet', round };
      const head = await blocks.head({ signal });
      signal?.throwIfAborted();
      const found = head ? await find(round * periodSeconds, head, { signal }) : 'missing';
      signal?.throwIfAborted();
      if (typeof found === 'string') return { type: found, round };
      if (!/^0x[0-9a-f]{64}$/.test(found.hash)) return { type: 'forged', round };
      return { type: 'value', round, randomness: sha256(fromHex(found.hash.slice(2))) };
    },
  };
}
