import { z } from 'zod';
import type { Random } from '#lib/base/random.ts';
import { amountSchema, checkAmount } from '../amount.ts';
import { payError, type PayErrorCode } from '../errors.ts';
import type { Address, Hex } from '../spec.ts';
import type { PayStorage } from '../storage.ts';
import { addressSchema, bytes32Schema } from '../terms.ts';
import { drawKey } from './burner.ts';
import { localWallet } from './local.ts';

/**
 * A key that signs vouchers without asking anybody. What a thief of it could promise is bounded twice: by the deposits
 * of the channels that name it, which is the chain's rule, and by this limit and time, which are this device's.
 */
export interface SessionKey {
  readonly address: Address;
  readonly privateKey: Hex;
  /** Units it may promise over all its channels together. */
  readonly limit: bigint;
  /** Unix seconds; it signs nothing from then on. */
  readonly expiresAt: number;
}

const prefix = 'session/';
const keysMax = 256;

const sessionSchema = z.object({
  address: addressSchema,
  privateKey: bytes32Schema,
  limit: amountSchema,
  expiresAt: z.number().int().positive(),
});

/** A fresh key, stored before it is handed out. @throws `amount-zero`, `session-expired`. */
export async function createSessionKey(
  { storage, random }: { readonly storage: PayStorage; readonly random: Random },
  { limit, expiresAt, now }: { readonly limit: bigint; readonly expiresAt: number; readonly now: number },
): Promise<SessionKey> {
  checkAmount(limit);
  if (!Number.isSafeInteger(expiresAt) || expiresAt <= now) throw payError('session-expired');
  const privateKey = drawKey(random);
  const { address } = localWallet(privateKey);
  await storage.put('pay', prefix + address, { address, privateKey, limit: limit.toString(), expiresAt });
  return { address, privateKey, limit, expiresAt };
}

/** All session keys of this profile; those that expired are kept, since they may still sign a withdrawal. */
export async function listSessionKeys(storage: PayStorage): Promise<readonly SessionKey[]> {
  const entries = await storage.list('pay', { prefix, limit: keysMax });
  return entries.map(({ key, value }) => {
    const parsed = sessionSchema.safeParse(value);
    if (!parsed.success) throw payError('bad-record', { details: { key } });
    return parsed.data;
  });
}

/** Why the key may not promise `more` on top of `spent`, both in units; or null. `now` in Unix seconds. */
export function sessionRefusal(
  key: SessionKey,
  { spent, more, now }: { readonly spent: bigint; readonly more: bigint; readonly now: number },
): PayErrorCode | null {
  if (now >= key.expiresAt) return 'session-expired';
  return spent + more > key.limit ? 'session-limit' : null;
}
