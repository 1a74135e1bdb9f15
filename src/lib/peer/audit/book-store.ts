import { z } from 'zod';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { hashSchema, peerIdSchema } from '#lib/protocol/ids.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { readSequential, type Sequential } from '#lib/trust/sequential.ts';

/** What is remembered of one worker, to be summed up in the book. */
export interface Notes {
  /** In the epochs that were heard of, up to the last one's number. */
  readonly receipts: number;
  readonly lastEpoch: number;
  /** Receipts with a verdict, and the newest of them by their hashes: an audit of the same answer by another counts once. */
  readonly audited: number;
  readonly newest: readonly string[];
  /** How many were audited when one last went further than honest margins do; left out where none has. */
  readonly doubtedAt?: number | undefined;
  readonly validators: readonly PeerId[];
  /** Audits that found it guilty, proofs that it signed two histories, and series of answers that came to too much. */
  readonly convictions: readonly string[];
  /** Sum of the margins of this peer's own scores, and how many those are. */
  readonly margins: number;
  readonly measured: number;
  /** What the tokens of all answers come to, one for each artefact and engine that it answered with, oldest first. */
  readonly series: readonly Series[];
}

export interface Series {
  /** Artefact, engine, build and class of device. */
  readonly key: string;
  readonly test: Sequential;
}

export const noNotes: Notes = {
  receipts: 0,
  lastEpoch: -1,
  audited: 0,
  newest: [],
  validators: [],
  convictions: [],
  margins: 0,
  measured: 0,
  series: [],
};

export const notesMax = { workers: 4_096, newest: 256, validators: 256, convictions: 256, series: 16 } as const;
const prefix = 'audit/book/';
const count = z.number().int().min(0);
const notesSchema = z.object({
  receipts: count,
  lastEpoch: z.number().int().min(-1),
  audited: count,
  newest: z.array(hashSchema).max(notesMax.newest),
  doubtedAt: count.optional(),
  validators: z.array(peerIdSchema).max(notesMax.validators),
  convictions: z.array(z.string().max(1_024)).max(notesMax.convictions),
  margins: z.number().min(0),
  measured: count,
  series: z
    .array(z.object({ key: z.string().max(1_024), test: z.unknown().transform(readSequential) }))
    .max(notesMax.series),
});

/** Where the notes of a book outlive the process. */
export interface BookStore {
  /** What an older version wrote otherwise is passed over. @throws those of the storage. */
  read(): Promise<ReadonlyMap<PeerId, Notes>>;
  /** In the background: what a crash loses is an audit more or less. */
  write(worker: PeerId, notes: Notes): void;
  forget(worker: PeerId): void;
}

export function createBookStore({
  storage,
  logger,
}: {
  readonly storage: KeyValue;
  readonly logger: Logger;
}): BookStore {
  const failed = (error: unknown) => logger.warn('audit-book-not-stored', { code: errorCode(error) });
  return {
    async read() {
      const found = new Map<PeerId, Notes>();
      for (const { key, value } of await storage.list('receipts', { prefix, limit: notesMax.workers })) {
        const [worker, notes] = [
          peerIdSchema.safeParse(key.slice(prefix.length)).data,
          notesSchema.safeParse(value).data,
        ];
        if (worker && notes) found.set(worker, notes);
      }
      return found;
    },
    write: (worker, notes) => void storage.put('receipts', prefix + worker, notes).catch(failed),
    forget: (worker) => void storage.delete('receipts', prefix + worker).catch(failed),
  };
}
