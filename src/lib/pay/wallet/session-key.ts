import { z } from 'zod';
import type { Random } from '#lib/base/random.ts';
import { amountSchema, checkAmount } from '../amount.ts';
import { payError, type PayErrorCode } from '../errors.ts';
import type { Address, Hex, Listed, Spent } from '../spec.ts';
import { listReadable, type PayStorage } from '../storage.ts';
import { addressSchema, bytes32Schema } from '../terms.ts';
import { drawKey } from './burner.ts';
import { localWallet } from './local.ts';

/**
 * A key that signs vouchers without confirmation. If stolen, its damage is bounded by the deposits of the channels that
 * name it, which the chain enforces; on this device it is also bounded by the limit and expiry below.
 */
export interface SessionKey {
  readonly address: Address;
  readonly privateKey: Hex;
  /** Units it may promise in total, across all channels and chains. */
  readonly limit: bigint;
  /** Unix seconds from which it no longer signs. */
  readonly expiresAt: number;
}

const prefix = 'session/';
/** Maximum keys of one profile: the same as its channels, so that each can be listed. */
const keysMax = 4_096;

const sessionSchema = z.object({
  address: addressSchema,
  privateKey: bytes32Schema,
  limit: amountSchema,
  expiresAt: z.number().int().positive(),
  spent: amountSchema,
});

interface SessionComponents {
  readonly storage: PayStorage;
  readonly random: Random;
}

/** Creates a key, storing it before it is returned. @throws `amount-zero`, `session-expired`, `too-many-keys`. */
export async function createSessionKey(
  { storage, random }: SessionComponents,
  { limit, expiresAt, now }: { readonly limit: bigint; readonly expiresAt: number; readonly now: number },
): Promise<SessionKey> {
  checkAmount(limit);
  if (!Number.isSafeInteger(expiresAt) || expiresAt <= now) throw payError('session-expired');
  const stored = await storage.list('pay', { prefix, limit: keysMax });
  if (stored.length >= keysMax) throw payError('too-many-keys', { details: { maximum: keysMax } });
  const privateKey = drawKey(random);
  const { address } = localWallet(privateKey);
  await storage.put('pay', prefix + address, { address, privateKey, limit: limit.toString(), expiresAt, spent: '0' });
  return { address, privateKey, limit, expiresAt };
}

/** All session keys of this profile, including expired ones, which may still sign a withdrawal. */
export async function listSessionKeys(storage: PayStorage): Promise<Listed<SessionKey>> {
  return listReadable(storage, { prefix, limit: keysMax }, (key, value) => {
    const { spent: _, ...session } = parseSession(key, value);
    return session;
  });
}

/** The place of a key's record, which also counts what the key has promised. */
export const sessionPlace = (address: Address) => ({ store: 'pay', key: prefix + address }) as const;

/** Units the key has promised so far, across all channels and chains. @throws `bad-record`, those of the storage. */
export async function readSpent(storage: PayStorage, address: Address): Promise<bigint> {
  const { store, key } = sessionPlace(address);
  return parseSession(key, await storage.get(store, key)).spent;
}

/**
 * The record of a key that promises `units` more at `now` (Unix seconds), for the write that stores the voucher: one without the
 * other would count too much or too little. @throws `session-expired`, `session-limit`, `bad-record`.
 */
export function spend(value: unknown, { key, units, now }: Spent): unknown {
  const session = parseSession(prefix + key, value);
  const code = sessionRefusal(session, { spent: session.spent, more: units, now });
  if (code) throw payError(code, { details: { limit: session.limit, spent: session.spent, more: units } });
  return { ...session, limit: session.limit.toString(), spent: (session.spent + units).toString() };
}

/** Why the key may not promise `more` units on top of `spent`, or null. `now` in Unix seconds. */
export function sessionRefusal(
  key: SessionKey,
  { spent, more, now }: { readonly spent: bigint; readonly more: bigint; readonly now: number },
): PayErrorCode | null {
  if (now >= key.expiresAt) return 'session-expired';
  return spent + more > key.limit ? 'session-limit' : null;
}

function parseSession(key: string, value: unknown): z.output<typeof sessionSchema> {
  const parsed = sessionSchema.safeParse(value);
  if (!parsed.success || key !== prefix + parsed.data.address) throw payError('bad-record', { details: { key } });
  return parsed.data;
}
