import { z } from 'zod';
import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import { payError } from '../errors.ts';
import type { Hex, Listed, LocalWallet } from '../spec.ts';
import { listReadable, type PayStorage } from '../storage.ts';
import { localWallet } from './local.ts';

/** A wallet that lives in this profile's storage: for small sums, and for people without another wallet. */
export interface Burner extends LocalWallet {
  /** The private key, for the owner's eyes only: to write down, or to import elsewhere. */
  exportKey(): Hex;
}

/** Which key is the burner; every key that ever was one lies under its own address besides. */
const currentKey = 'burner';
const prefix = 'burner/';
const burnersMax = 256;
const storedSchema = z.object({ privateKey: z.string() });

/** The profile's burner; made on first use and stored before it is handed out. @throws `bad-record`, `bad-key`. */
export async function openBurner({ storage, random }: BurnerComponents): Promise<Burner> {
  return (await readBurner(storage)) ?? keep(storage, drawKey(random));
}

/**
 * Puts a key from elsewhere in the burner's place. The former one can still be listed and exported, since channels may
 * name it. @throws `bad-key`, `bad-record`, `too-many-keys`.
 */
export async function importBurner({ storage }: BurnerComponents, privateKey: string): Promise<Burner> {
  const next = burner(privateKey);
  const former = await readBurner(storage);
  if (former?.address === next.address) return former;
  return keep(storage, next.exportKey());
}

/** Every key that is or was this profile's burner. */
export const listBurners = (storage: PayStorage): Promise<Listed<Burner>> =>
  listReadable(storage, { prefix, limit: burnersMax }, parseBurner);

export interface BurnerComponents {
  readonly storage: PayStorage;
  readonly random: Random;
}

/** 32 random bytes. About one in 2^128 is no key of the curve; drawing again is the whole remedy. */
export function drawKey(random: Random): Hex {
  for (let draws = 0; draws < 4; draws++) {
    const key: Hex = `0x${toHex(random.bytes(32))}`;
    try {
      localWallet(key);
      return key;
    } catch {
      continue;
    }
  }
  throw payError('bad-key');
}

/**
 * Under its own address first: of two windows that do this at once, one loses its place and neither loses its key. What
 * is handed out is what lies there at the end, so that both use the same.
 */
async function keep(storage: PayStorage, privateKey: Hex): Promise<Burner> {
  const made = burner(privateKey);
  const kept = await storage.list('pay', { prefix, limit: burnersMax });
  const own = prefix + made.address;
  if (kept.length >= burnersMax && !kept.some(({ key }) => key === own)) {
    throw payError('too-many-keys', { details: { maximum: burnersMax } });
  }
  await storage.put('pay', own, { privateKey });
  await storage.put('pay', currentKey, { privateKey });
  return (await readBurner(storage)) ?? made;
}

async function readBurner(storage: PayStorage): Promise<Burner | null> {
  const stored = await storage.get('pay', currentKey);
  return stored === undefined || stored === null ? null : parseBurner(currentKey, stored);
}

function parseBurner(key: string, value: unknown): Burner {
  const parsed = storedSchema.safeParse(value);
  if (!parsed.success) throw payError('bad-record', { details: { key } });
  return burner(parsed.data.privateKey);
}

function burner(privateKey: string): Burner {
  const wallet = localWallet(privateKey);
  return { ...wallet, exportKey: () => privateKey as Hex };
}
