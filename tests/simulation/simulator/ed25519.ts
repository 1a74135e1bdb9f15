import { equalBytes } from '#lib/base/bytes.ts';
import type { Ed25519 } from '#lib/protocol/ed25519.ts';
import { createNodeEd25519 } from '../../../relay/ed25519.ts';

/** More signatures than one run makes. */
const rememberedMax = 20_000;

/**
 * Node's Ed25519, with the verdict on each signature remembered. Every peer of a run checks every offer, and to the same
 * bytes there is only one answer; checking them once takes a tenth off a run.
 */
export function createRememberingEd25519(): Ed25519 {
  const node = createNodeEd25519();
  const verdicts = new Map<
    string,
    { readonly message: Uint8Array; readonly key: Uint8Array; readonly holds: boolean }
  >();
  return {
    createKey: node.createKey,
    holds(signature, message, publicKey) {
      const name = Buffer.from(signature).toString('latin1');
      const known = verdicts.get(name);
      if (known && equalBytes(known.message, message) && equalBytes(known.key, publicKey)) return known.holds;
      const holds = node.holds(signature, message, publicKey);
      if (verdicts.size >= rememberedMax) verdicts.clear();
      verdicts.set(name, { message: message.slice(), key: publicKey.slice(), holds });
      return holds;
    },
  };
}
