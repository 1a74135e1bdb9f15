import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { revealSchema, type Reveal } from '#lib/protocol/audit.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { KeyValue } from '#lib/storage/spec.ts';

/**
 * What a validator heard of audits, and how it voted, so that after a restart it goes on where it was: a vote that was committed to has
 * to be revealed with the same salt, and nobody else has that.
 */
export interface AuditJournal {
  /** In the order in which it was heard; nothing that is older than a trial takes. */
  heard(): Promise<readonly HeardBefore[]>;
  /** In the background: what is lost in a crash others have heard too. */
  append(message: Uint8Array): void;
  votes(): Promise<readonly Reveal[]>;
  /** Resolves when it is stored: before the commitment is told to anybody. @throws those of the storage. */
  keepVote(reveal: Reveal): Promise<void>;
}

export interface HeardBefore {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** An envelope as it was gossiped. */
  readonly message: Uint8Array;
}

export interface AuditJournalComponents {
  readonly storage: KeyValue;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

/** Two rounds, each with its windows, a day to appeal, and the hours from an epoch to its accusation. */
const keptMs = 3 * 86_400_000;
const heardMax = 8_192;
const votesMax = 256;
const pruneEvery = 256;
const prefixes = { heard: 'audit/heard/', votes: 'audit/vote/' } as const;
const heardSchema = z.object({
  at: z.number().int().nonnegative(),
  message: z.instanceof(Uint8Array).refine(({ length }) => length <= limits.gossipBytesMax),
});
const voteSchema = z.object({ at: z.number().int().nonnegative(), reveal: revealSchema });

export function createAuditJournal({ storage, clock, logger }: AuditJournalComponents): AuditJournal {
  let count = 0;
  const failed = (error: unknown) => logger.warn('audit-not-stored', { code: errorCode(error) });
  const keyOf = (at: number, number: number) => `${String(at).padStart(16, '0')}-${String(number).padStart(8, '0')}`;

  /** The oldest, and those beyond what is kept. */
  const prune = async (prefix: string, max: number) => {
    const entries = await storage.list('receipts', { prefix, limit: 2 * max });
    const oldest = prefix + keyOf(clock.now() - keptMs, 0);
    const over = entries.length - max;
    const gone = entries.filter(({ key }, at) => at < over || key < oldest);
    await storage.batch(gone.map(({ key }) => ({ type: 'delete', store: 'receipts', key })));
  };
  const read = async <T>(prefix: string, max: number, schema: z.ZodType<T>): Promise<readonly T[]> => {
    await prune(prefix, max);
    const entries = await storage.list('receipts', { prefix, limit: max });
    // What an older version wrote otherwise is passed over.
    return entries.flatMap(({ value }) => schema.safeParse(value).data ?? []);
  };

  return {
    heard: () => read(prefixes.heard, heardMax, heardSchema),
    votes: async () => (await read(prefixes.votes, votesMax, voteSchema)).map(({ reveal }) => reveal),
    append(message) {
      const at = Math.floor(clock.now());
      count += 1;
      storage.put('receipts', prefixes.heard + keyOf(at, count), { at, message }).catch(failed);
      if (count % pruneEvery === 0) prune(prefixes.heard, heardMax).catch(failed);
    },
    async keepVote(reveal) {
      const at = Math.floor(clock.now());
      count += 1;
      await storage.put('receipts', prefixes.votes + keyOf(at, count), { at, reveal });
    },
  };
}
