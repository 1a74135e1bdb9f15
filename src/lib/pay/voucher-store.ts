import { z } from 'zod';
import { amountSchema } from './amount.ts';
import { payError } from './errors.ts';
import { isKeySignature } from './signature.ts';
import type { ChannelRecord, Hex, RecordKey, VoucherStore } from './spec.ts';
import { listReadable, type PayStorage } from './storage.ts';
import { bytes32Schema, channelIdOf, termsSchema } from './terms.ts';
import { readSpent, sessionPlace, spend } from './wallet/session-key.ts';

const recordSchema = z.object({
  side: z.enum(['payer', 'payee']),
  chainId: z.number().int().positive(),
  id: bytes32Schema,
  terms: termsSchema,
  revision: z.number().int().positive(),
  voucher: z.object({ cumulativeAmount: amountSchema, signature: z.string().refine(isKeySignature) }).nullable(),
  seen: z.object({ balance: amountSchema, claimed: amountSchema, withdrawableAt: z.number().int().min(0) }),
  isDelivered: z.boolean(),
  agreed: amountSchema.nullable(),
});

/** A {@link VoucherStore} on `KeyValue` storage, with amounts as decimal text. */
export function createVoucherStore(storage: PayStorage): VoucherStore {
  return {
    async load(at) {
      const key = keyOf(at);
      return readRecord(key, await storage.get('pay', key));
    },
    save(record, spent) {
      const place = { store: 'pay', key: keyOf(record) } as const;
      const session = spent && sessionPlace(spent.key);
      return storage.update(session ? [place, session] : [place], ([stored, spending]) => {
        const expected = revisionOf(place.key, stored) + 1;
        if (record.revision !== expected) {
          throw payError('store-conflict', { details: { expected, given: record.revision } });
        }
        const write = { type: 'put', ...place, value: formatRecord(record) } as const;
        return session ? [write, { type: 'put', ...session, value: spend(spending, spent) }] : [write];
      });
    },
    spent: (key) => readSpent(storage, key),
    delete: (at) => storage.delete('pay', keyOf(at)),
    list: (of, limit) => listReadable(storage, { prefix: keyOf({ ...of, id: '' }), limit }, parseRecord),
  };
}

const keyOf = ({ chainId, side, id }: Omit<RecordKey, 'id'> & { readonly id: string }): string =>
  `channel/${chainId}/${side}/${id}`;

function formatRecord({ voucher, seen, agreed, ...record }: ChannelRecord): unknown {
  return {
    ...record,
    terms: { ...record.terms },
    voucher: voucher && {
      cumulativeAmount: voucher.cumulativeAmount.toString(),
      signature: voucher.signature,
    },
    seen: { ...seen, balance: seen.balance.toString(), claimed: seen.claimed.toString() },
    agreed: agreed?.toString() ?? null,
  };
}

/** Of what is overwritten, no more is read than says whether it is what the writer knew: this is done for each voucher. */
function revisionOf(key: string, stored: unknown): number {
  if (stored === undefined || stored === null) return 0;
  const { revision } = stored as { readonly revision?: unknown };
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 1)
    throw payError('bad-record', { details: { key } });
  return revision;
}

const readRecord = (key: string, value: unknown): ChannelRecord | null =>
  value === undefined || value === null ? null : parseRecord(key, value);

function parseRecord(key: string, value: unknown): ChannelRecord {
  const parsed = recordSchema.safeParse(value);
  const isWhole = parsed.success && key === keyOf(parsed.data);
  if (!isWhole || channelIdOf(parsed.data.terms) !== parsed.data.id) throw payError('bad-record', { details: { key } });
  const { voucher, id } = parsed.data;
  return {
    ...parsed.data,
    voucher: voucher && { channelId: id, ...voucher, signature: voucher.signature as Hex },
  };
}
