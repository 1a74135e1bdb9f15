import { z } from 'zod';
import { amountSchema } from './amount.ts';
import { payError } from './errors.ts';
import { isKeySignature } from './signature.ts';
import type { ChannelId, ChannelRecord, Hex, Side, VoucherStore } from './spec.ts';
import type { PayStorage } from './storage.ts';
import { bytes32Schema, channelIdOf, termsSchema } from './terms.ts';

const recordSchema = z.object({
  side: z.enum(['payer', 'payee']),
  chainId: z.number().int().positive(),
  id: bytes32Schema,
  terms: termsSchema,
  revision: z.number().int().positive(),
  voucher: z.object({ cumulativeAmount: amountSchema, signature: z.string().refine(isKeySignature) }).nullable(),
  seen: z.object({ balance: amountSchema, claimed: amountSchema, withdrawableAt: z.number().int().min(0) }),
});

/**
 * Vouchers in the storage of the house, amounts as decimal text. Writes of one window go one after the other; between
 * windows the lock that elects the one with the identity keeps order, and the revision catches what slips through.
 */
export function createVoucherStore(storage: PayStorage): VoucherStore {
  let line: Promise<unknown> = Promise.resolve();
  const load = async (side: Side, id: ChannelId) => {
    const value = await storage.get('pay', keyOf(side, id));
    return value === undefined || value === null ? null : parseRecord(keyOf(side, id), value);
  };
  return {
    load,
    save(record) {
      const turn = line.then(async () => {
        const stored = await load(record.side, record.id);
        const expected = (stored?.revision ?? 0) + 1;
        if (record.revision !== expected) {
          throw payError('store-conflict', { details: { expected, given: record.revision } });
        }
        await storage.put('pay', keyOf(record.side, record.id), formatRecord(record));
      });
      line = turn.catch(() => undefined);
      return turn;
    },
    async list(side, limit) {
      const entries = await storage.list('pay', { prefix: keyOf(side, ''), limit });
      return entries.map(({ key, value }) => parseRecord(key, value));
    },
  };
}

const keyOf = (side: Side, id: ChannelId | ''): string => `channel/${side}/${id}`;

function formatRecord({ voucher, seen, ...record }: ChannelRecord): unknown {
  return {
    ...record,
    terms: { ...record.terms },
    voucher: voucher && {
      cumulativeAmount: voucher.cumulativeAmount.toString(),
      signature: voucher.signature,
    },
    seen: { ...seen, balance: seen.balance.toString(), claimed: seen.claimed.toString() },
  };
}

function parseRecord(key: string, value: unknown): ChannelRecord {
  const parsed = recordSchema.safeParse(value);
  const isWhole = parsed.success && key === keyOf(parsed.data.side, parsed.data.id);
  if (!isWhole || channelIdOf(parsed.data.terms) !== parsed.data.id) throw payError('bad-record', { details: { key } });
  const { voucher, id } = parsed.data;
  return {
    ...parsed.data,
    voucher: voucher && { channelId: id, ...voucher, signature: voucher.signature as Hex },
  };
}
