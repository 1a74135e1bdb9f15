import { z } from 'zod';
import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import { payError } from '../errors.ts';
import type { Hex, LocalWallet } from '../spec.ts';
import type { PayStorage } from '../storage.ts';
import { localWallet } from './local.ts';

/** A wallet that lives in this profile's storage: for small sums, and for people without another wallet. */
export interface Burner extends LocalWallet {
  /** The private key, for the owner's eyes only: to write down, or to import elsewhere. */
  exportKey(): Hex;
}

const storageKey = 'burner';
const storedSchema = z.object({ privateKey: z.string() });

/** The profile's burner; made on first use and stored before it is handed out. @throws `bad-record`, `bad-key`. */
export async function openBurner({ storage, random }: BurnerComponents): Promise<Burner> {
  const stored = await storage.get('pay', storageKey);
  if (stored === undefined || stored === null) return keep(storage, drawKey(random));
  const parsed = storedSchema.safeParse(stored);
  if (!parsed.success) throw payError('bad-record', { details: { key: storageKey } });
  return burner(parsed.data.privateKey);
}

/**
 * Puts a key from elsewhere in the burner's place. The former key is kept under its address, since channels may still
 * name it.
 */
export async function importBurner(components: BurnerComponents, privateKey: string): Promise<Burner> {
  const { storage } = components;
  const next = burner(privateKey);
  const former = await openBurner(components);
  if (former.address === next.address) return former;
  await storage.put('pay', `${storageKey}/${former.address}`, { privateKey: former.exportKey() });
  return keep(storage, next.exportKey());
}

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

async function keep(storage: PayStorage, privateKey: Hex): Promise<Burner> {
  const made = burner(privateKey);
  await storage.put('pay', storageKey, { privateKey });
  return made;
}

function burner(privateKey: string): Burner {
  const wallet = localWallet(privateKey);
  return { ...wallet, exportKey: () => privateKey as Hex };
}
