import { z } from 'zod';
import { concatBytes, fromHex, toHex, utf8Encode } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { artefactId, manifestSchema } from './artefact.ts';
import { encodeCbor } from './cbor.ts';
import { verifySignature } from './ed25519.ts';
import type { Signer } from './envelope.ts';
import { artefactIdSchema, peerIdFromKey, type PeerId } from './ids.ts';
import { limits } from './limits.ts';

/**
 * What somebody has checked of a model's files before offering them, and until when that holds. A file that its signer hands out; no
 * message of the wire. Ed25519 over `"tabloom/listing/1\n" + DAG-CBOR of the record`.
 */
export type Listing = z.output<typeof listingSchema>;

const time = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const listingSchema = z.object({
  artefact: artefactIdSchema,
  name: z.string().min(1).max(limits.nameLengthMax),
  files: manifestSchema.shape.files,
  format: z.enum(['gguf', 'safetensors']),
  /** As the file or the checker states it. */
  licence: z.string().min(1).max(64),
  checks: z
    .array(
      z.object({
        check: z.string().min(1).max(64),
        result: z.enum(['passed', 'unchecked']),
        detail: z.string().max(256).optional(),
      }),
    )
    .min(1)
    .max(64),
  issuedAt: time,
  expiresAt: time,
});

const signedSchema = z.object({
  listing: z.unknown(),
  key: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});

export type SignedListing = { readonly listing: Listing } & Pick<z.output<typeof signedSchema>, 'key' | 'signature'>;

/** A model changes no more once it is hashed; what is known of it does. */
export const listingDaysMax = 180;

/** @throws `bad-record` for a listing that readers would refuse. */
export function signListing(listing: Listing, signer: Signer): SignedListing {
  const record = parse(listing);
  return { listing: record, key: toHex(signer.publicKey), signature: toHex(signer.sign(signedBytes(record))) };
}

/** @throws `bad-record`, `bad-signature`, `listing-expired`. */
export function readListing(value: unknown, now: number): { readonly listing: Listing; readonly signer: PeerId } {
  const signed = signedSchema.safeParse(value);
  if (!signed.success) throw new TabloomError('bad-record', 'This is no signed listing.');
  const listing = parse(signed.data.listing);
  const [key, signature] = [fromHex(signed.data.key), fromHex(signed.data.signature)];
  if (!verifySignature(signature, signedBytes(listing), key)) {
    throw new TabloomError('bad-signature', 'The listing is not signed by the key it names.');
  }
  if (listing.expiresAt <= now || listing.issuedAt > now + limits.receiptClockSkewMs) {
    throw new TabloomError('listing-expired', 'The listing does not hold now. Have the model checked again.');
  }
  return { listing, signer: peerIdFromKey(key) };
}

function parse(value: unknown): Listing {
  const parsed = listingSchema.safeParse(value);
  if (!parsed.success) {
    throw new TabloomError('bad-record', `The listing is not valid at "${parsed.error.issues[0]?.path.join('.')}".`);
  }
  const { artefact, files, issuedAt, expiresAt } = parsed.data;
  if (artefactId({ files }) !== artefact)
    throw new TabloomError('bad-record', 'Its files are not those of its artefact.');
  const longest = listingDaysMax * 86_400_000;
  if (expiresAt <= issuedAt || expiresAt > issuedAt + longest) {
    throw new TabloomError('bad-record', `A listing holds for ${listingDaysMax} days at most.`);
  }
  return parsed.data;
}

const signedBytes = (listing: Listing): Uint8Array =>
  concatBytes(utf8Encode('tabloom/listing/1\n'), encodeCbor(listing));
