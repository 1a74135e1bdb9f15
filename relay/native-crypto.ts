import { installCurve } from '#lib/pay/curve.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { createNodeEd25519 } from './ed25519.ts';
import { loadNodeCurve } from './secp256k1.ts';

/** Both kinds of signatures by native code. Called once by each program, before any key is created. */
export function installNativeCrypto(): void {
  installEd25519(createNodeEd25519());
  installCurve(loadNodeCurve);
}
