import { secp256k1 } from '@noble/curves/secp256k1.js';

/** ECDSA on secp256k1 over digests. Synchronous, so that nothing comes between what is checked and what is signed. */
export interface Curve {
  /** r and the low s, 32 bytes each, and which of the two points with this r it was. Deterministic (RFC 6979). */
  sign(digest: Uint8Array, key: Uint8Array): { readonly signature: Uint8Array; readonly recoveryId: number };
  /** The public key, 65 bytes, that the chain recovers from such a signature; null if there is none. */
  recover(digest: Uint8Array, signature: Uint8Array, recoveryId: number): Uint8Array | null;
}

let loading: Promise<Curve> | undefined;
let platform: (() => Promise<Curve>) | undefined;

/** Called once by the composition root, before the first voucher. Every implementation must give the same results. */
export function installCurve(load: () => Promise<Curve>): void {
  platform = load;
  loading = undefined;
}

/**
 * The platform's, or Bitcoin's libsecp256k1 as WebAssembly: four times as fast as the same in JavaScript, and its time does not depend
 * on the key. Where WebAssembly is not allowed, as in Safari's Lockdown Mode, JavaScript does it.
 */
export const loadCurve = (): Promise<Curve> => (loading ??= firstOf(platform, loadWasmCurve));

async function firstOf(...loads: readonly ((() => Promise<Curve>) | undefined)[]): Promise<Curve> {
  for (const load of loads) {
    const curve = await load?.().catch(() => undefined);
    if (curve) return curve;
  }
  return scriptCurve;
}

export async function loadWasmCurve(): Promise<Curve> {
  // Not the whole library, which waits for five other modules when it is imported.
  const { instantiateSecp256k1 } = await import('@bitauth/libauth/build/lib/crypto/secp256k1.js');
  const library = await instantiateSecp256k1();
  return {
    sign(digest, key) {
      const signed = library.signMessageHashRecoverableCompact(key, digest);
      return typeof signed === 'string' ? scriptCurve.sign(digest, key) : signed;
    },
    recover(digest, signature, recoveryId) {
      const key = library.recoverPublicKeyUncompressed(signature, recoveryId as 0 | 1, digest);
      return typeof key === 'string' ? null : key;
    },
  };
}

export const scriptCurve: Curve = {
  sign(digest, key) {
    const signed = secp256k1.sign(digest, key, { prehash: false, format: 'recovered' });
    return { signature: signed.slice(1), recoveryId: signed[0]! };
  },
  recover(digest, signature, recoveryId) {
    try {
      const signed = secp256k1.Signature.fromBytes(signature, 'compact').addRecoveryBit(recoveryId);
      return signed.recoverPublicKey(digest).toBytes(false);
    } catch {
      return null;
    }
  },
};
