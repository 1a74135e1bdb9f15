import { equalBytes } from '#lib/base/bytes.ts';
import type { Directory } from '#lib/market/spec.ts';
import { encodeEnvelope, isSigned, type Envelope } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { peerIdFromKey } from '#lib/protocol/ids.ts';
import { decodeUnverifiedOffer } from '#lib/protocol/offer.ts';

/**
 * What becomes of an offer that was heard: `reject` is held against whoever passed it on, since an honest peer checks the
 * same things; `ignore` is what happens to honest peers too (late, repeated, too often).
 */
export type Verdict = 'accept' | 'ignore' | 'reject';

/** A gossiped offer. `from` is the peer that published it: nobody publishes another's offer. */
export function admitGossip(directory: Directory, bytes: Uint8Array, from: PeerId): Verdict {
  let read: ReturnType<typeof decodeUnverifiedOffer>;
  try {
    read = decodeUnverifiedOffer(bytes);
  } catch {
    return 'reject';
  }
  const { offer, envelope } = read;
  if (offer.peer !== from) return 'reject';
  // What is late or repeated is not worth the millisecond that its signature costs.
  if (directory.judge(offer) !== 'fresh') return 'ignore';
  if (!isSigned(envelope)) return 'reject';
  return directory.consider(offer, envelope) === 'fresh' ? 'accept' : 'ignore';
}

/** An offer that a relay handed on. The relay is believed in nothing: the signature is checked here. */
export function admitFound(
  directory: Directory,
  envelope: Envelope,
): { readonly peer: PeerId; readonly verdict: Verdict } {
  const peer = peerIdFromKey(envelope.key);
  const known = directory.get(peer)?.envelope;
  // The same offer also comes by gossip and by other relays; its signature need not be checked again.
  if (known && equalBytes(known.sig, envelope.sig) && equalBytes(known.payload, envelope.payload)) {
    return { peer, verdict: 'ignore' };
  }
  return { peer, verdict: admitGossip(directory, encodeEnvelope(envelope), peer) };
}
