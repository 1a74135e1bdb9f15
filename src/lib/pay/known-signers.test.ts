import fc from 'fast-check';
import { numberToHex, recoverAddress } from 'viem';
import { sign } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { createKnownSigners } from './known-signers.ts';
import { addressOfKey, keyOf } from './pay.fixture.ts';
import { isKeySignature } from './signature.ts';
import type { Hex } from './spec.ts';

const digestOf = (n: number): Hex => numberToHex(BigInt(n) ** 20n + 7n, { size: 32 }).slice(0, 66) as Hex;
const signed = (key: number, digest: Hex) => sign({ hash: digest, privateKey: keyOf(key), to: 'hex' });

/** The chain's own check. */
const recovers = async (digest: Hex, signature: Hex) => {
  if (!isKeySignature(signature)) return false;
  return (await recoverAddress({ hash: digest, signature }).catch(() => null)) === addressOfKey(1);
};

/** A verifier that has already remembered signer 1. */
async function warm() {
  const signers = createKnownSigners();
  for (let n = 0; n < 10; n++) {
    expect(await signers.isSignedBy(addressOfKey(1), digestOf(n), await signed(1, digestOf(n)))).toBe(true);
  }
  return signers;
}

describe('signatures of a known signer', () => {
  test('are distinguished from all others', async () => {
    const signers = await warm();
    const digest = digestOf(50);
    const good = await signed(1, digest);
    expect(await signers.isSignedBy(addressOfKey(1), digest, good)).toBe(true);
    expect(await signers.isSignedBy(addressOfKey(1), digestOf(51), good)).toBe(false);
    expect(await signers.isSignedBy(addressOfKey(1), digest, await signed(2, digest))).toBe(false);
    expect(await signers.isSignedBy(addressOfKey(2), digest, good)).toBe(false);
    expect(await signers.isSignedBy(addressOfKey(2), digest, await signed(2, digest))).toBe(true);
  });

  test('are verified exactly as on chain, whatever is changed', async () => {
    const signers = await warm();
    const digest = digestOf(60);
    const good = (await signed(1, digest)).slice(2);
    await fc.assert(
      fc.asyncProperty(fc.nat(129), fc.nat(15), async (at, nibble) => {
        const changed: Hex = `0x${good.slice(0, at)}${nibble.toString(16)}${good.slice(at + 1)}`;
        expect(await signers.isSignedBy(addressOfKey(1), digest, changed)).toBe(await recovers(digest, changed));
      }),
      { numRuns: 60, seed: 17 },
    );
  });

  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  test.each([
    ['zeros', `0x${'00'.repeat(64)}1b`],
    ['r of zero', `0x${'00'.repeat(32)}${'11'.repeat(32)}1b`],
    ['s of zero', `0x${'11'.repeat(32)}${'00'.repeat(32)}1b`],
    ['r of the order', `${numberToHex(order, { size: 32 })}${'11'.repeat(32)}1b`],
    ['the wrong v', null],
    ['nothing', '0x'],
    ['text', 'signature'],
  ])('refuse %s', async (_, text) => {
    const signers = await warm();
    const digest = digestOf(70);
    const good = await signed(1, digest);
    const flipped = good.slice(0, -2) + (good.endsWith('1b') ? '1c' : '1b');
    expect(await signers.isSignedBy(addressOfKey(1), digest, text ?? flipped)).toBe(false);
  });

  test('are still verified after a signer has been evicted', async () => {
    const signers = createKnownSigners(2);
    for (const key of [1, 2, 3, 1]) {
      const digest = digestOf(key);
      expect(await signers.isSignedBy(addressOfKey(key), digest, await signed(key, digest))).toBe(true);
      expect(await signers.isSignedBy(addressOfKey(key), digest, await signed(5, digest))).toBe(false);
    }
  });
});
