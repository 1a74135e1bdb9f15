import { hash } from 'node:crypto';
import { installCurve } from '#lib/pay/curve.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { installSha256, type Sha256 } from '#lib/protocol/hash.ts';
import { createNodeEd25519 } from './ed25519.ts';
import { loadNodeCurve } from './secp256k1.ts';

/** By Node's OpenSSL, about five times as fast as JavaScript. */
export const nodeSha256: Sha256 = (bytes) => hash('sha256', bytes, 'hex');

/** Signatures of both kinds, and hashes, by native code. Called once by each program, before any key is created. */
export function installNativeCrypto(): void {
  installEd25519(createNodeEd25519());
  installSha256(nodeSha256);
  installCurve(loadNodeCurve);
}
