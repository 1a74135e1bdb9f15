import { sha256 } from '@noble/hashes/sha2.js';
import { raceSignal, type AbortOptions } from '#lib/base/abort.ts';
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

/** What all who take the same blocks for a beacon agree on. */
export interface BlockBeaconTerms {
  /** Of the chain, by EIP-155. */
  readonly chain: number;
  /** Blocks on top of the one that is read, so that no reorganisation changes it. */
  readonly confirmations: number;
  readonly periodSeconds: number;
}

export interface BlockBeaconComponents extends BlockBeaconTerms {
  readonly blocks: Blocks;
  readonly clock: Pick<Clock, 'now'>;
}

/** How often a round begins. */
export const blockPeriodSeconds = 30;
/**
 * Nodes take a block that is dated so far ahead of their clocks. A round's block is dated later than that after its time: otherwise its hash could be
 * known while commitments are still taken, and a tree be chosen by what it picks.
 */
const aheadSeconds = 15;
/** Steps back, and halvings, in which a block is found; a chain has fewer than 2^53 of them. */
const stepsMax = 64;
const knownMax = 32;

/**
 * The other source: the hash of a block. Round r is the first block dated at or after r periods since the epoch and what clocks may be apart, so that a
 * round's time needs no chain to be known. Who proposes that block may withhold it once and so draw again, at the cost of the
 * block: good enough where one draw decides over little, and no substitute for `drand.ts` where it is at hand. Nothing proves a block here: whoever
 * hands it over is believed, so several are asked (`agreed-blocks.ts`).
 */
export function createBlockBeacon(components: BlockBeaconComponents): Beacon {
  const { chain, blocks, clock, confirmations, periodSeconds } = components;
  const periodMs = periodSeconds * 1_000;
  const find = async (seconds: number, head: Block): Promise<Block | 'missing' | 'not-yet'> => {
    if (head.timestamp < seconds) return 'not-yet';
    // Rounds that are asked for are recent: twice as far back each time.
    let [low, found] = [0, head];
    for (let [step, span] = [0, confirmations + 1]; step < stepsMax && found.number > 0; step++, span *= 2) {
      const block = await blocks.at(Math.max(0, head.number - span));
      if (!block) return 'missing';
      if (block.timestamp < seconds) {
        low = block.number + 1;
        break;
      }
      found = block;
    }
    for (let step = 0; low < found.number && step < stepsMax; step++) {
      const block = await blocks.at(Math.floor((low + found.number) / 2));
      if (!block) return 'missing';
      if (block.timestamp >= seconds) found = block;
      else low = block.number + 1;
    }
    return head.number - found.number >= confirmations ? found : 'not-yet';
  };
  const read = async (round: number): Promise<BeaconValue> => {
    const head = await blocks.head();
    const found = head ? await find(round * periodSeconds + aheadSeconds, head) : 'missing';
    if (typeof found === 'string') return { type: found, round };
    if (!/^0x[0-9a-f]{64}$/.test(found.hash)) return { type: 'forged', round };
    return { type: 'value', round, randomness: sha256(fromHex(found.hash.slice(2))) };
  };

  /** What was read last, and what is being read: all audits of an epoch ask for the same. A round that was read does not change any more. */
  const known = new Map<number, BeaconValue>();
  const reading = new Map<number, Promise<BeaconValue>>();
  const readOnce = (round: number) => {
    const running = reading.get(round);
    if (running) return running;
    const started = read(round)
      .catch((): BeaconValue => ({ type: 'missing', round }))
      .then((value) => {
        reading.delete(round);
        if (value.type === 'value') known.set(round, value);
        if (known.size > knownMax) known.delete(known.keys().next().value!);
        return value;
      });
    reading.set(round, started);
    return started;
  };
  return {
    id: toHex(sha256(utf8Encode(`tabloom/blocks/3/${chain}/${periodSeconds}/${confirmations}`))),
    timeOf: (round) => round * periodMs,
    roundAfter: (atMs) => Math.floor(atMs / periodMs) + 1,
    async value(round, { signal } = {}): Promise<BeaconValue> {
      const before = known.get(round);
      if (before) return before;
      if (clock.now() < round * periodMs) return { type: 'not-yet', round };
      return raceSignal(readOnce(round), signal);
    },
  };
}
