import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { decodeCbor, parseRecord } from './cbor.ts';
import { decodeEnvelope, encodeEnvelope, signEnvelope, type Envelope, type Signer } from './envelope.ts';
import { artefactIdSchema, peerIdFromKey, peerIdSchema } from './ids.ts';

/** Models that a peer would ask if anybody served them: signed, gossiped and expiring. It binds nobody. */
export type Wish = z.output<typeof wishSchema>;

export const wishesTopic = 'tabloom/wishes/2';

/** As in `limits.ts`, and apart from it because pages need them late. */
export const wishLimits = {
  /** The encoded envelope. */
  bytesMax: 2 * 1024,
  /** Builds of one model for different devices are several artefacts. */
  artefactsMax: 16,
  ttlMs: 10 * 60_000,
  ttlMsMax: 60 * 60_000,
  /** A wish that stands is said again after this, with the jitter of offers. */
  repeatMs: 60_000,
  /** From one to the next of the same peer. */
  minGapMs: 5_000,
  /** How far ahead of a reader's clock it may be dated. */
  clockSkewMs: 10_000,
  /** Of one peer, which is as often as an honest one speaks. */
  perPeer: { burst: 12, perSecond: 0.2 },
  /** Signatures of wishes that one reader verifies, whoever made them. */
  overall: { burst: 200, perSecond: 20 },
  peersMax: 4_096,
  /** Of one machine; of its zone four times as many. */
  peersPerMachineMax: 64,
  zoneFactor: 4,
} as const;

const natural = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const wishSchema = z.object({
  /** The signer. */
  peer: peerIdSchema,
  /** Rises with every wish of this peer. */
  issuedAt: natural,
  ttlMs: z.number().int().min(1_000).max(wishLimits.ttlMsMax),
  /** All that it wishes for now; empty when it takes back what it said. */
  artefacts: z
    .array(artefactIdSchema)
    .max(wishLimits.artefactsMax)
    .refine((artefacts) => new Set(artefacts).size === artefacts.length, 'expected each artefact once'),
});

/** Signs and encodes a wish for gossip. @throws `bad-record` rather than signing what nobody could read. */
export function writeWish(wish: Wish, signer: Signer): Uint8Array {
  const record = parseRecord(wishSchema, wish, 'bad-record');
  if (record.peer !== signer.peer) {
    throw new TabloomError('bad-record', 'A wish must be signed with the key of the peer it names.');
  }
  return encodeEnvelope(signEnvelope('wish', record, signer));
}

/**
 * Decodes a gossiped wish without verifying its signature, which is the expensive step: call `isSigned` on the envelope before it
 * counts. @throws `frame-too-large`, `bad-record`; `bad-signature` if the key is not that of the peer it names.
 */
export function decodeUnverifiedWish(bytes: Uint8Array): { readonly wish: Wish; readonly envelope: Envelope } {
  if (bytes.length > wishLimits.bytesMax) {
    throw new TabloomError('frame-too-large', `A wish may have at most ${wishLimits.bytesMax} bytes.`);
  }
  const envelope = decodeEnvelope(bytes);
  const wish = decodeCbor(wishSchema, envelope.payload, 'bad-record');
  if (envelope.type !== 'wish' || peerIdFromKey(envelope.key) !== wish.peer)
    throw new TabloomError('bad-signature', 'The wish names a peer other than its key.');
  return { wish, envelope };
}
