import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import { hashSchema, type PeerId } from '#lib/protocol/ids.ts';
import { signedReceiptSchema, type SignedReceipt } from '#lib/protocol/receipt.ts';
import type { KeyValue, Write } from '#lib/storage/spec.ts';
import { chainStart, type ChainSide } from '#lib/trust/chain.ts';

/**
 * The two chains of one identity in its storage, written in the background. Links are stored in batches; before the first one
 * is given out, a mark is stored that the heads here may be old, and it is removed with the batch after which they are not.
 * A peer that finds the mark at its start, as after a crash, continues with a gap: two links on top of the same one would
 * prove a fork where there was none. Only the mark has to survive a power cut.
 */
export interface ReceiptStore {
  /**
   * Makes the next link, on top of the last one's hash. Resolves when the mark is stored; a storage that fails, or hangs for a
   * second, holds nothing back. A link that cannot be made leaves the chain as it was.
   */
  link<T extends { readonly hash: string }>(side: ChainSide, make: (prev: string) => T): Promise<T>;
  /** `again`: replaces the one stored under this key. */
  keep(side: ChainSide, key: string, signed: SignedReceipt, turn?: 'again'): void;
  /** Newest first. */
  list(side: ChainSide, limit: number): Promise<readonly StoredReceipt[]>;
  /** The receipt under this key, also while it is still being stored. */
  read(key: string): Promise<SignedReceipt | undefined>;
  settled(): Promise<void>;
}

export interface StoredReceipt {
  readonly key: string;
  readonly signed: SignedReceipt;
}

export interface ReceiptStoreComponents {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly peer: PeerId;
}

export const receiptStoreLimits = {
  /** Receipts stored of each side; the oldest are deleted, in steps. */
  keptMax: 5_000,
  pruneEvery: 100,
  /** Receipts that are retried while the storage fails. */
  pendingMax: 512,
  flushMs: 100,
  /** Without a new link for this long, the mark is removed. */
  quietMs: 2_000,
  /** A storage that hangs holds an answer back no longer than this. */
  markTimeoutMs: 1_000,
  settleTimeoutMs: 5_000,
} as const;

const sides = ['worker', 'asker'] as const satisfies readonly ChainSide[];
const headKey = { worker: 'chain-worker', asker: 'chain-asker' } as const;
const markKey = 'chain-open';
const countKey = 'receipts-kept';
const count = z.number().int().nonnegative();
const countsSchema = z.object({ worker: count, asker: count });

interface Pending {
  readonly side: ChainSide;
  readonly signed: SignedReceipt;
  readonly adds: 0 | 1;
}

export function createReceiptStore({ storage, clock, logger, peer }: ReceiptStoreComponents): ReceiptStore {
  const { keptMax, pruneEvery, pendingMax, flushMs, quietMs, markTimeoutMs, settleTimeoutMs } = receiptStoreLimits;
  let heads: Readonly<Record<ChainSide, string>>;
  let counts: Readonly<Record<ChainSide, number>> | undefined;
  let pending = new Map<string, Pending>();
  let unsaved = false;
  let linkedMs = Number.NEGATIVE_INFINITY;
  let isMarked = false;
  let marking: Promise<void> | undefined;
  /** An older batch must not overwrite a newer one. */
  const writes = createMutex();
  let timer: { readonly dueMs: number; readonly end: () => void } | undefined;

  const warn = (error: unknown) => logger.warn('receipts-not-stored', { code: errorCode(error) });

  /** A link on top of a hash that never existed is a gap, which proves nothing. Each restart makes one of its own. */
  const gap = (side: ChainSide, after: string) => hashRecord({ side, peer, after, lostAt: clock.now() });
  const load = async () => {
    const before: Record<ChainSide, string> = { worker: chainStart, asker: chainStart };
    let whole = false;
    try {
      for (const side of sides) {
        before[side] = hashSchema.default(chainStart).parse(await storage.get('identity', headKey[side]));
      }
      whole = (await storage.get('identity', markKey)) === undefined;
      counts = countsSchema
        .optional()
        .catch(undefined)
        .parse(await storage.get('identity', countKey));
      if (!whole) logger.info('receipts-gap');
    } catch (error) {
      logger.warn('receipts-not-read', { code: errorCode(error) });
    }
    heads = whole ? before : { worker: gap('worker', before.worker), asker: gap('asker', before.asker) };
  };
  const loaded = load();

  const headWrites = (): Write[] =>
    sides.map((side) => ({ type: 'put', store: 'identity', key: headKey[side], value: heads[side] }));
  /** Resolves when it is stored or has failed; the next link retries it. */
  const mark = () =>
    (marking ??= writes.run(async () => {
      try {
        await storage.batch([{ type: 'put', store: 'identity', key: markKey, value: true }, ...headWrites()]);
        isMarked = true;
      } catch (error) {
        warn(error);
      } finally {
        marking = undefined;
      }
    }));

  const flush = (when: 'quiet' | 'now') =>
    writes.run(async () => {
      await loaded;
      const isQuiet = clock.elapsed() - linkedMs >= quietMs;
      await write(isQuiet || when === 'now' ? 'whole' : 'open');
      if (isMarked && !unsaved) wake(Math.max(1, linkedMs + quietMs - clock.elapsed()));
    });
  const write = async (state: 'whole' | 'open') => {
    if (pending.size === 0 && !unsaved && (state === 'open' || !isMarked)) return;
    const taken = pending;
    pending = new Map();
    unsaved = false;
    // From here on a link needs a mark of its own, which is written after this batch.
    if (state === 'whole') isMarked = false;
    try {
      const after = { ...(counts ??= await countStored()) };
      for (const { side, adds } of taken.values()) after[side] += adds;
      const batch: readonly Write[] = [
        ...headWrites(),
        ...[...taken].map(([key, { signed }]): Write => ({ type: 'put', store: 'receipts', key, value: signed })),
        { type: 'put', store: 'identity', key: countKey, value: after },
        ...(state === 'whole' ? [{ type: 'delete', store: 'identity', key: markKey } as const] : []),
      ];
      // The process does not wait for the disk: a power cut that undoes this leaves the mark, and so a gap.
      await storage.batch(batch, { durability: 'relaxed' });
      counts = after;
    } catch (error) {
      // Retried with the next batch.
      unsaved = true;
      pending = new Map([...taken, ...pending].slice(-pendingMax));
      return warn(error);
    }
    await prune();
  };

  const countStored = async () => {
    const found = { worker: 0, asker: 0 };
    for (const side of sides) {
      found[side] = (
        await storage.list('receipts', { prefix: `${side}/`, limit: keptMax + 2 * pruneEvery, values: 'unread' })
      ).length;
    }
    return found;
  };
  const prune = async () => {
    for (const side of sides) {
      const surplus = (counts?.[side] ?? 0) - keptMax;
      if (!counts || surplus < pruneEvery) continue;
      try {
        const oldest = await storage.list('receipts', { prefix: `${side}/`, limit: surplus, values: 'unread' });
        const after = { ...counts, [side]: keptMax };
        await storage.batch([
          ...oldest.map(({ key }): Write => ({ type: 'delete', store: 'receipts', key })),
          { type: 'put', store: 'identity', key: countKey, value: after },
        ]);
        counts = after;
      } catch (error) {
        warn(error);
      }
    }
  };

  const wake = (ms: number) => {
    const dueMs = clock.elapsed() + ms;
    if (timer && timer.dueMs <= dueMs) return;
    timer?.end();
    const end = clock.after(ms, () => {
      timer = undefined;
      void flush('quiet');
    });
    timer = { dueMs, end };
  };

  return {
    async link(side, make) {
      await loaded;
      const made = make(heads[side]);
      heads = { ...heads, [side]: made.hash };
      unsaved = true;
      linkedMs = clock.elapsed();
      wake(flushMs);
      if (!isMarked) await withTimeout(mark(), clock, markTimeoutMs).catch(warn);
      return made;
    },
    keep(side, key, signed, turn) {
      const adds = turn === 'again' ? (pending.get(key)?.adds ?? 0) : 1;
      pending.set(key, { side, signed, adds });
      wake(flushMs);
    },
    async list(side, limit) {
      await flush('quiet');
      const entries = await storage.list('receipts', { prefix: `${side}/`, limit, order: 'descending' });
      return entries.flatMap(({ key, value }) => {
        const signed = signedReceiptSchema.safeParse(value).data;
        return signed ? [{ key, signed }] : [];
      });
    },
    async read(key) {
      const known = pending.get(key)?.signed ?? (await storage.get('receipts', key));
      return signedReceiptSchema.safeParse(known).data;
    },
    async settled() {
      timer?.end();
      timer = undefined;
      await withTimeout(flush('now'), clock, settleTimeoutMs).catch(warn);
    },
  };
}
