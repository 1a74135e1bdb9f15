import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { decodeEnvelope, encodeEnvelope, openEnvelope, signEnvelope, type Envelope, type Signer } from './envelope.ts';
import { artefactIdSchema, peerIdSchema } from './ids.ts';
import { tierSchema } from './job.ts';
import { limits } from './limits.ts';

/** What a worker serves now. Signed, gossiped, expiring. */
export type Offer = z.output<typeof offerSchema>;
export type OfferedModel = z.output<typeof offeredModelSchema>;
export type Measured = z.output<typeof measuredSchema>;

const rate = z.number().nonnegative().max(1e9);

/** From finished jobs and a start-up benchmark, never from the device's name. Tokens a second, milliseconds. */
export const measuredSchema = z.object({ prefillTps: rate, decodeTps: rate, ttftMs: rate });

export const offeredModelSchema = z.object({
  artefact: artefactIdSchema,
  name: z.string().min(1).max(limits.nameLengthMax),
  kind: z.enum(['chat']),
  contextTokens: z.number().int().min(1).max(10_000_000),
  quantisation: z.string().max(32),
  /** Units of the smallest denomination per million tokens, as decimal text; "0" is free. */
  price: z.object({ in: z.string().regex(/^\d{1,30}$/), out: z.string().regex(/^\d{1,30}$/) }),
  /** Jobs at once; a WebLLM tab has one. */
  slots: z.number().int().min(1).max(1_024),
  running: z.number().int().min(0).max(1_024),
  queued: z.number().int().min(0).max(1_024),
  measured: measuredSchema.optional(),
});

export const offerSchema = z.object({
  peer: peerIdSchema,
  /** Rises with every offer of a peer, across its restarts. */
  seq: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  issuedAt: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  ttlMs: z.number().int().min(1_000).max(limits.offerTtlMsMax),
  role: z.enum(['tab', 'native', 'enclave']),
  /** Going away: finish what runs, take nothing new. */
  draining: z.boolean(),
  engine: z.object({
    name: z.string().min(1).max(64),
    build: z.string().max(64),
    /** Coarse on purpose ("wasm-cpu", "webgpu-apple"); never a fingerprint. */
    deviceClass: z.string().max(64),
  }),
  models: z.array(offeredModelSchema).max(limits.offerModelsMax),
  tiers: z.array(tierSchema).min(1).max(3),
  /** Kinds of request the worker refuses, as words of the policy list. */
  policy: z.array(z.string().max(64)).max(16),
  addrs: z.array(z.string().max(512)).max(limits.offerAddrsMax),
  /** Version of the software, for the picture of the network. */
  build: z.string().max(64),
});

export function signOffer(offer: Offer, signer: Signer): Envelope {
  return signEnvelope('offer', offerSchema.parse(offer), signer);
}

/**
 * Opens a gossiped offer: size, signature, schema, and that the signer is the peer it names.
 * Freshness is the directory's to judge, since it needs the clock and the last `seq`.
 * @throws `frame-too-large`, `bad-record`, `bad-signature`.
 */
export function readOffer(bytes: Uint8Array): { readonly offer: Offer; readonly envelope: Envelope } {
  if (bytes.length > limits.gossipBytesMax) {
    throw new TabloomError('frame-too-large', `An offer has at most ${limits.gossipBytesMax} bytes.`);
  }
  const envelope = decodeEnvelope(bytes);
  const { record, peer } = openEnvelope('offer', offerSchema, envelope);
  if (record.peer !== peer)
    throw new TabloomError('bad-signature', 'The offer is signed by another peer than it names.');
  return { offer: record, envelope };
}

export const writeOffer = (offer: Offer, signer: Signer): Uint8Array => encodeEnvelope(signOffer(offer, signer));
