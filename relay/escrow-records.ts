import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { listReadable } from '#lib/pay/storage.ts';
import { termsSchema } from '#lib/pay/terms.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { ChainEscrowId } from './gateway/routes/chain-escrow.ts';

/** An escrow on a chain, as it was drawn up. */
export type EscrowRecord = z.output<typeof recordSchema>;

/** Those of a relay, in memory and in its storage. */
export interface EscrowRecords {
  find(id: ChainEscrowId): EscrowRecord | undefined;
  /** @throws `escrow-unknown`. */
  get(id: ChainEscrowId): EscrowRecord;
  all(): readonly EscrowRecord[];
  /** Resolves once it is stored. */
  write(record: EscrowRecord): Promise<EscrowRecord>;
  forget(record: EscrowRecord): Promise<void>;
  /** @throws `too-many-escrows` where this payer, or all together, have as many as may be kept. */
  checkRoom(payer: string): void;
}

const prefix = 'job-escrow/';
const recordsMax = 10_000;
const perPayerMax = 100;

const recordSchema = z.object({
  payer: z.string(),
  job: z.string(),
  kind: z.string(),
  model: z.string(),
  peer: z.string(),
  units: z.number().int(),
  /** Micro-credits of one unit. */
  price: z.string().transform(BigInt),
  terms: termsSchema,
  /** Unix seconds. */
  drawnAt: z.number().int(),
  /** Whether something lay in its channel when that was looked for. */
  isFunded: z.boolean(),
  /** What became of it, once that cannot change any more. */
  ended: z.enum(['released', 'refunded', 'unfunded']).optional(),
  /** What the provider has taken then, in units of the token. */
  claimed: z.string().transform(BigInt),
});

/** The name of one among all. */
export const escrowName = ({ payer, job }: ChainEscrowId): string => `${payer}/${job}`;

export async function openEscrowRecords(storage: KeyValue, logger: Logger): Promise<EscrowRecords> {
  const keyOf = (id: ChainEscrowId) => prefix + escrowName(id);
  const read = (_: string, value: unknown) => recordSchema.parse(value);
  const stored = await listReadable(storage, { prefix, limit: recordsMax }, read);
  for (const key of stored.unreadable) logger.warn('escrow-unreadable', { key });
  const records = new Map(stored.records.map((record) => [escrowName(record), record]));
  return {
    find: (id) => records.get(escrowName(id)),
    get(id) {
      const record = records.get(escrowName(id));
      if (record) return record;
      throw new TabloomError('escrow-unknown', 'There is no such escrow of this wallet. Check "job".');
    },
    all: () => [...records.values()],
    async write(record) {
      const { price, claimed, terms, ...rest } = record;
      const value = { ...rest, terms: { ...terms }, price: price.toString(), claimed: claimed.toString() };
      await storage.put('pay', keyOf(record), value);
      records.set(escrowName(record), record);
      return record;
    },
    async forget(record) {
      await storage.delete('pay', keyOf(record));
      records.delete(escrowName(record));
    },
    checkRoom(payer) {
      let own = 0;
      for (const record of records.values()) if (record.payer === payer && !record.ended) own += 1;
      if (own < perPayerMax && records.size < recordsMax) return;
      const says = `A wallet has at most ${perPayerMax} open escrows here, and all together ${recordsMax}. Wait until some have ended.`;
      throw new TabloomError('too-many-escrows', says);
    },
  };
}
