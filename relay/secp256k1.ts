import { createRequire } from 'node:module';
import type { Curve } from '#lib/pay/curve.ts';

/** What is used of the addon. It throws where there is no signature, or no key. */
interface Addon {
  ecdsaSign(digest: Uint8Array, key: Uint8Array): { readonly signature: Uint8Array; readonly recid: number };
  ecdsaRecover(signature: Uint8Array, recoveryId: number, digest: Uint8Array, isCompressed: boolean): Uint8Array;
}

/**
 * Bitcoin's libsecp256k1 as native code, twice as fast as in WebAssembly. @throws where the package has no build for this machine:
 * then WebAssembly does it.
 */
export async function loadNodeCurve(): Promise<Curve> {
  // Past the package's own entry, which takes JavaScript of its own instead of failing.
  const addon = createRequire(import.meta.url)('secp256k1/bindings.js') as Addon;
  return {
    sign(digest, key) {
      const { signature, recid } = addon.ecdsaSign(digest, key);
      return { signature, recoveryId: recid };
    },
    recover(digest, signature, recoveryId) {
      try {
        return addon.ecdsaRecover(signature, recoveryId, digest, false);
      } catch {
        return null;
      }
    },
  };
}
