import { z } from 'zod';
import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import { payError } from '../errors.ts';
import type { Hex, Listed, LocalWallet } from '../spec.ts';
import { listReadable, type PayStorage } from '../storage.ts';
import { localWallet } from './local.ts';

/** A wallet in this profile's storage, for small amounts and for users without another wallet. */
export interface Burner extends LocalWallet {
  /** The private key, for the owner to back up or import elsewhere. */
  exportKey(): Hex;
}

/** Record of the current burner. Every key that was ever current is also stored under its own address. */
const currentKey = 'burner';
const prefix = 'burner/';
const burnersMax = 256;
const storedSchema = z.object({ privateKey: z.string() });

/** The profile's burner, created on first use and stored before it is returned. @throws `bad-record`, `bad-key`. */
export async function openBurner({ storage, random }: BurnerComponents): Promise<Burner> {
  return (await readBurner(storage)) ?? keep(storage, drawKey(random));
}

/**
 * Replaces the burner with an imported key. The previous one can still be listed and exported, since channels may refer
 * to it. @throws `bad-key`, `bad-record`, `too-many-keys`.
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

/** 32 random bytes. About one in 2^128 is not a valid key; drawing again suffices. */
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
 * Stores the key under its own address first, so that if two windows do this at once, one is not current but neither
 * key is lost. Returns whichever is current in the end, so that both use the same.
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
