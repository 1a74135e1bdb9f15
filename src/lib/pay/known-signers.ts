import { secp256k1 } from '@noble/curves/secp256k1.js';
import { recoverPublicKey } from 'viem';
import { publicKeyToAddress } from 'viem/accounts';
import { isKeySignature } from './signature.ts';
import type { Address, Hex } from './spec.ts';

const { Point } = secp256k1;
const { Fn } = Point;

/**
 * Verifies many signatures by few signers. Recovering the key from each signature, as the chain does, costs a square
 * root and a multiplication by a new point. Once the key is known from the first signature, precomputed multiples make
 * each further check several times faster.
 */
export interface KnownSigners {
  /** True if and only if the chain's recovery would yield `signer`. Never throws. */
  isSignedBy(signer: Address, digest: Hex, signature: string): Promise<boolean>;
}

/** Signatures after which a signer's tables are worth their cost in time (10 ms) and memory (50 kB). */
const usesBeforeTables = 8;
const tableBits = 5;

export function createKnownSigners(signersMax = 256): KnownSigners {
  /** In order of last use. */
  const known = new Map<Address, { readonly point: InstanceType<typeof Point>; uses: number }>();
  return {
    async isSignedBy(signer, digest, signature) {
      if (!isKeySignature(signature)) return false;
      const entry = known.get(signer);
      if (entry) {
        known.delete(signer);
        known.set(signer, entry);
        if (++entry.uses === usesBeforeTables) entry.point.precompute(tableBits, false);
        return fits(entry.point, digest, signature);
      }
      const publicKey = await recoverPublicKey({ hash: digest, signature }).catch(() => null);
      if (!publicKey || publicKeyToAddress(publicKey) !== signer) return false;
      known.set(signer, { point: Point.fromHex(publicKey.slice(2)), uses: 1 });
      for (const oldest of known.keys()) if (known.size > signersMax) known.delete(oldest);
      return true;
    },
  };
}

/**
 * ECDSA verification (SEC 1, 4.1.4), plus a check that the point is the one selected by v, so that recovery from this
 * signature yields exactly this key.
 */
function fits(key: InstanceType<typeof Point>, digest: Hex, signature: Hex): boolean {
  const r = BigInt(signature.slice(0, 66));
  const s = BigInt(`0x${signature.slice(66, 130)}`);
  if (r === 0n || r >= Fn.ORDER || s === 0n) return false;
  const inverse = Fn.inv(s);
  const byBase = Fn.mul(Fn.create(BigInt(digest)), inverse);
  const sum = Point.BASE.multiplyUnsafe(byBase).add(key.multiplyUnsafe(Fn.mul(r, inverse)));
  if (sum.is0()) return false;
  const { x, y } = sum.toAffine();
  return x === r && (y & 1n) === (signature.endsWith('1c') || signature.endsWith('1C') ? 1n : 0n);
}
