import { bytesToHex, hexToBytes } from 'viem';
import { publicKeyToAddress } from 'viem/accounts';
import { equalBytes } from '#lib/base/bytes.ts';
import { loadCurve } from './curve.ts';
import { isKeySignature } from './signature.ts';
import type { Address, Hex } from './spec.ts';

/**
 * Verifies many signatures by few signers, by recovering the key as the chain does. The key of a signer is remembered, which saves
 * hashing it to an address each time.
 */
export interface KnownSigners {
  /** True if and only if the chain's recovery would yield `signer`. Never throws. */
  isSignedBy(signer: Address, digest: Hex | Uint8Array, signature: string): Promise<boolean>;
}

export function createKnownSigners(signersMax = 256): KnownSigners {
  /** In order of last use. */
  const known = new Map<Address, Uint8Array>();
  return {
    async isSignedBy(signer, digest, signature) {
      if (!isKeySignature(signature)) return false;
      const curve = await loadCurve();
      const bytes = hexToBytes(signature);
      const hash = typeof digest === 'string' ? hexToBytes(digest) : digest;
      const key = curve.recover(hash, bytes.subarray(0, 64), bytes[64]! - 27);
      if (!key) return false;
      const remembered = known.get(signer);
      if (!remembered || !equalBytes(remembered, key)) {
        if (publicKeyToAddress(bytesToHex(key)) !== signer) return false;
      }
      known.delete(signer);
      known.set(signer, key);
      for (const oldest of known.keys()) if (known.size > signersMax) known.delete(oldest);
      return true;
    },
  };
}
