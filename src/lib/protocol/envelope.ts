import { z } from 'zod';
import { concatBytes, utf8Encode } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { createEd25519Key, verifySignature } from './ed25519.ts';
import { peerIdFromKey, type PeerId } from './ids.ts';
import { limits } from './limits.ts';
import { bytesSchema, fixedBytesSchema } from './bounded.ts';

/**
 * A signed record, for anything that third parties must be able to verify, now or later. The type is part of the signed
 * bytes, so an offer can never be replayed as a receipt. Ed25519 (`ed25519.ts`) over `"tabloom/" + type + "/2 " +
 * payload`.
 */
export interface Envelope {
  readonly type: EnvelopeType;
  /** DAG-CBOR of the record. */
  readonly payload: Uint8Array;
  /** The signer's public key, 32 bytes. */
  readonly key: Uint8Array;
  /** 64 bytes. */
  readonly sig: Uint8Array;
}

export type EnvelopeType = (typeof envelopeTypes)[number];
const envelopeTypes = [
  'offer',
  'receipt',
  'checkpoint',
  'countersign',
  'tally',
  'wish',
  'epoch',
  'release',
  'accusation',
  'commitment',
  'reveal',
  'unsealing',
  'appeal',
] as const;

/** Holds a private key without exposing it. */
export interface Signer {
  readonly peer: PeerId;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

export const envelopeSchema = z.object({
  type: z.enum(envelopeTypes),
  payload: bytesSchema(limits.gossipBytesMax),
  key: fixedBytesSchema(32),
  sig: fixedBytesSchema(64),
});

/** An envelope that claims to be of this type; its signature is not verified yet. */
export const envelopeOf = (type: EnvelopeType, payloadBytesMax: number = limits.gossipBytesMax) =>
  envelopeSchema
    .refine((envelope) => envelope.type === type, `expected an envelope of type ${type}`)
    .refine((envelope) => envelope.payload.length <= payloadBytesMax, `expected at most ${payloadBytesMax} bytes`);

/** A signer for a 32-byte Ed25519 seed. */
export function createSigner(seed: Uint8Array): Signer {
  const { publicKey, sign } = createEd25519Key(seed);
  return { peer: peerIdFromKey(publicKey), publicKey, sign };
}

export function signEnvelope(type: EnvelopeType, record: unknown, signer: Signer): Envelope {
  const payload = encodeCbor(record);
  return { type, payload, key: signer.publicKey, sig: signer.sign(signedBytes(type, payload)) };
}

/**
 * Signs a record that its schema has just passed. Within this process the envelope itself then stands for the record, which
 * `openEnvelope` returns without verifying what was signed here a moment ago. A copy of it, and what comes over a wire, is
 * verified like any other.
 */
export function signChecked<S extends z.ZodType>(
  type: EnvelopeType,
  schema: S,
  record: z.output<S>,
  signer: Signer,
): Envelope {
  const envelope = Object.freeze(signEnvelope(type, record, signer));
  signedHere.set(envelope, { schema, opened: { record, peer: signer.peer } });
  return envelope;
}

/** Whether this very object was made by `signChecked`. */
export const isSignedHere = (envelope: Envelope): boolean => signedHere.has(envelope);

const signedHere = new WeakMap<Envelope, SignedHere>();

interface SignedHere {
  readonly schema: z.ZodType;
  readonly opened: Opened<unknown>;
  /** Its encoding, once it was asked for: a receipt is hashed, stored and sent. */
  bytes?: Uint8Array;
}

/** A verified record and the peer that signed it. */
export interface Opened<T> {
  readonly record: T;
  readonly peer: PeerId;
}

/**
 * Checks the type, the signature and the schema, in that order.
 * @throws `bad-signature` or `bad-record`.
 */
export function openEnvelope<S extends z.ZodType>(
  type: EnvelopeType,
  schema: S,
  envelope: Envelope,
): Opened<z.output<S>> {
  const own = signedHere.get(envelope);
  if (own?.schema === schema && envelope.type === type) return own.opened as Opened<z.output<S>>;
  if (envelope.type !== type || !isSigned(envelope)) {
    throw new TabloomError('bad-signature', `This is not a ${type} signed by the key it names.`);
  }
  return { record: decodeCbor(schema, envelope.payload, 'bad-record'), peer: peerIdFromKey(envelope.key) };
}

/** The record of an envelope that was opened before; its signature is not verified. @throws `bad-record`. */
export function recordOf<S extends z.ZodType>(schema: S, envelope: Envelope): z.output<S> {
  const own = signedHere.get(envelope);
  return own?.schema === schema
    ? (own.opened.record as z.output<S>)
    : decodeCbor(schema, envelope.payload, 'bad-record');
}

/** Not to be changed: of an envelope that was signed here, it is made once. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const own = signedHere.get(envelope);
  return own ? (own.bytes ??= encodeCbor(envelope)) : encodeCbor(envelope);
}

/** @throws `bad-record`. */
export const decodeEnvelope = (bytes: Uint8Array): Envelope => decodeCbor(envelopeSchema, bytes, 'bad-record');

const signedBytes = (type: EnvelopeType, payload: Uint8Array) =>
  concatBytes(utf8Encode(`tabloom/${type}/2\n`), payload);

/** Whether the signature verifies under the envelope's own key. Costs up to a millisecond. */
export const isSigned = ({ type, payload, key, sig }: Envelope): boolean =>
  verifySignature(sig, signedBytes(type, payload), key);
