import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Court, Dispute } from '#lib/pay/court.ts';
import type { Address, Hex } from '#lib/pay/spec.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { lockSeconds } from '#lib/pay/court-shares.ts';

/** New disputes that are read in one round, and those that are kept in mind. */
const readMax = 64;
const keptMax = 1_024;
const key = 'court/first';
const idSchema = z.bigint().min(1n);

export const sameAccount = (one: Address, other: Address): boolean => one.toLowerCase() === other.toLowerCase();

/** The disputes that there are, by their numbers one after the other; those that are long over are left behind. */
export function createRoll({ court, storage }: { readonly court: Court; readonly storage: KeyValue }) {
  const known = new Map<bigint, Dispute>();
  let next = 1n;
  let stored = 1n;

  const prune = async (chainNow: number) => {
    const isPast = ({ openedAt }: Dispute) => openedAt + lockSeconds < chainNow;
    for (const [id, one] of known) if (isPast(one) || known.size > keptMax) known.delete(id);
    const first = [...known.keys()].reduce((least, id) => (id < least ? id : least), next);
    if (first === stored) return;
    await storage.put('pay', key, first);
    stored = first;
  };

  return {
    /** Goes on from the oldest that still ran. @throws those of the storage. */
    async open(): Promise<void> {
      next = stored = idSchema.safeParse(await storage.get('pay', key)).data ?? 1n;
    },
    /** Reads those that have been opened since. @throws those of the chain. */
    async read(chainNow: number, options: AbortOptions): Promise<void> {
      for (let count = 0; count < readMax; count++) {
        const one = await court.dispute(next, options).catch((error: unknown) => {
          if (errorCode(error) === 'dispute-missing') return undefined;
          throw error;
        });
        if (!one) break;
        known.set(next++, one);
      }
      await prune(chainNow);
    },
    /** Over one receipt, as they stand now. */
    async over(receiptHash: Hex, options: AbortOptions): Promise<readonly Dispute[]> {
      for (const [id, one] of known)
        if (one.receiptHash === receiptHash && one.phase !== 'ended') known.set(id, await court.dispute(id, options));
      return this.known(receiptHash);
    },
    /** Over one receipt, as they were last seen. */
    known: (receiptHash: Hex): readonly Dispute[] =>
      [...known.values()].filter((one) => one.receiptHash === receiptHash),
    add: (one: Dispute): void => void known.set(one.id, one),
    /** As they were last seen. */
    running: (): readonly Dispute[] => [...known.values()].filter(({ phase }) => phase !== 'ended'),
  };
}
