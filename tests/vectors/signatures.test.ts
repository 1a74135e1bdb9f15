import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { fromHex } from '#lib/base/bytes.ts';
import {
  createEd25519Key,
  installEd25519,
  isStrictSignature,
  portableEd25519,
  verifySignature,
} from '#lib/protocol/ed25519.ts';
import { createNodeEd25519 } from '../../relay/ed25519.ts';
import type { SignatureVector } from './signatures.ts';

const rows: readonly SignatureVector[] = JSON.parse(readFileSync(new URL('signatures.json', import.meta.url), 'utf8'));

afterEach(() => installEd25519(portableEd25519));

describe.each([
  ['JavaScript', portableEd25519],
  ['Node', createNodeEd25519()],
])('%s', (_, implementation) => {
  test('agrees with the file on every signature', () => {
    installEd25519(implementation);
    const said = rows.map(({ name, key, message, sig }) => ({
      name,
      valid: verifySignature(fromHex(sig), fromHex(message), fromHex(key)),
    }));
    expect(said).toEqual(rows.map(({ name, valid }) => ({ name, valid })));
  });

  test('creates keys and signatures that the other verifies and any change invalidates', () => {
    const seed = new Uint8Array(32).fill(5);
    const message = Uint8Array.of(1, 2, 3);
    installEd25519(implementation);
    const { publicKey, sign } = createEd25519Key(seed);
    seed.fill(0);
    const sig = sign(message);
    const same = portableEd25519.createKey(new Uint8Array(32).fill(5));
    expect([publicKey, sig]).toEqual([same.publicKey, same.sign(message)]);
    for (const bytes of [publicKey, sig]) expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    for (let at = 0; at < 64; at++) {
      expect(
        verifySignature(
          sig.map((byte, i) => (i === at ? byte ^ 16 : byte)),
          message,
          publicKey,
        ),
      ).toBe(false);
    }
    expect(verifySignature(sig.subarray(1), message, publicKey)).toBe(false);
    expect(verifySignature(sig, message, publicKey.subarray(1))).toBe(false);
    expect(verifySignature(sig, message, publicKey)).toBe(true);
  });
});

test('WebCrypto agrees once the bytes have been checked', async () => {
  const verify = async ({ key, message, sig }: SignatureVector) => {
    if (!isStrictSignature(fromHex(sig), fromHex(key))) return false;
    try {
      const imported = await crypto.subtle.importKey('raw', plain(key), 'Ed25519', false, ['verify']);
      return await crypto.subtle.verify('Ed25519', imported, plain(sig), plain(message));
    } catch {
      return false;
    }
  };
  expect(await Promise.all(rows.map(verify))).toEqual(rows.map(({ valid }) => valid));
});

const plain = (text: string) => new Uint8Array(fromHex(text));
