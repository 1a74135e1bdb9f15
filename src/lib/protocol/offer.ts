import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { decodeCbor, parseRecord } from './cbor.ts';
import { decodeEnvelope, encodeEnvelope, openEnvelope, signEnvelope, type Envelope, type Signer } from './envelope.ts';
import { bytesSchema } from './bounded.ts';
import { artefactIdSchema, peerIdFromKey, peerIdSchema } from './ids.ts';
import { tierSchema } from './job.ts';
import { limits } from './limits.ts';
import { priceSchema } from './price.ts';
import { mustSchema, nameSchema, unknownMust, wordSchema, type Word } from './word.ts';

/** What a worker serves now. Signed, gossiped, expiring. */
export type Offer = z.output<typeof offerSchema>;
export type OfferedModel = z.output<typeof offeredModelSchema>;
export type Measured = z.output<typeof measuredSchema>;

const rate = z.number().nonnegative().max(limits.rateMax);
const jobs = z.number().int().min(0).max(limits.slotsMax);

/** From finished jobs and a start-up benchmark, never from the device's name. Tokens a second, milliseconds. */
export const measuredSchema = z.object({
  prefillTps: rate,
  decodeTps: rate,
  ttftMs: z.number().nonnegative().max(limits.durationMsMax),
});

/** What a peer is; an open word. */
export type Role = Word<'tab' | 'native' | 'enclave'>;
const roleSchema: z.ZodType<Role> = wordSchema;

const engineInfoSchema = z.object({
  name: z.string().min(1).max(limits.wordLengthMax),
  build: z.string().max(limits.wordLengthMax),
  /** Coarse on purpose ("wasm-cpu", "webgpu-apple"); never a fingerprint. */
  deviceClass: z.string().max(limits.wordLengthMax),
});

export const offeredModelSchema = z.object({
  artefact: artefactIdSchema,
  name: nameSchema,
  /** Kinds of work it does: open words. */
  kinds: z.array(wordSchema).min(1).max(limits.offerKindsMax),
  /** What it can do beside generating: open words, each shown by the engine's compliance suite. */
  features: z.array(wordSchema).max(limits.offerFeaturesMax),
  contextTokens: z.number().int().min(1).max(limits.contextTokensMax),
  quantisation: z.string().max(limits.quantisationLengthMax),
  price: priceSchema,
  /** Jobs at once; a WebLLM tab has one. */
  slots: jobs.min(1),
  running: jobs,
  queued: jobs,
  measured: measuredSchema.optional(),
});

export const offerSchema = z.object({
  peer: peerIdSchema,
  /** Rises with every offer of a peer, across its restarts. */
  seq: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  issuedAt: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  ttlMs: z.number().int().min(1_000).max(limits.offerTtlMsMax),
  role: roleSchema,
  /** Going away: finish what runs, take nothing new. */
  draining: z.boolean(),
  engine: engineInfoSchema,
  /** A model that is not as this version knows models is skipped; the rest of the offer holds. */
  models: z
    .array(z.unknown())
    .max(limits.offerModelsMax)
    .transform((models) => models.flatMap((model) => offeredModelSchema.safeParse(model).data ?? [])),
  /** What the worker claims; a claim proves nothing. */
  tiers: z.array(tierSchema).min(1).max(limits.offerTiersMax),
  /** Kinds of request the worker refuses, as words of the policy list. */
  policy: z.array(wordSchema).max(limits.offerPolicyMax),
  addrs: z.array(z.string().max(limits.addrLengthMax)).max(limits.offerAddrsMax),
  /** Version of the software, for the picture of the network. */
  build: z.string().max(limits.wordLengthMax),
  must: mustSchema.optional(),
  /** Reserved: where the worker is paid, what it has at stake, and its enclave's evidence. */
  wallet: z.string().max(limits.nameLengthMax).optional(),
  bond: z.string().max(limits.nameLengthMax).optional(),
  attestation: bytesSchema(limits.receiptBytesMax).optional(),
});

/** Whether this version may act on the offer; if not it is passed on and otherwise left alone. */
export const meetsMust = (offer: Offer): boolean => unknownMust(offer).length === 0;

/** @throws `bad-record` for an offer that no reader would take. */
export function signOffer(offer: Offer, signer: Signer): Envelope {
  const record = parseRecord(offerSchema, offer, 'bad-record');
  // A reader skips a model that it cannot read; whoever signs must not lose one that way.
  for (const model of offer.models) parseRecord(offeredModelSchema, model, 'bad-record');
  if (record.peer !== signer.peer) {
    throw new TabloomError('bad-record', 'An offer is signed with the key of the peer it names.');
  }
  return signEnvelope('offer', record, signer);
}

/**
 * Opens a gossiped offer: size, signature, schema, and that the signer is the peer it names.
 * Freshness is the directory's to judge, since it needs the clock and the last `seq`.
 * @throws `frame-too-large`, `bad-record`, `bad-signature`.
 */
export function readOffer(bytes: Uint8Array): { readonly offer: Offer; readonly envelope: Envelope } {
  const envelope = decodeEnvelope(boundedOffer(bytes));
  const { record, peer } = openEnvelope('offer', offerSchema, envelope);
  if (record.peer !== peer)
    throw new TabloomError('bad-signature', 'The offer is signed by another peer than it names.');
  return { offer: record, envelope };
}

/**
 * What a gossiped offer claims before its signature is checked, which is what costs: good for throwing an offer away,
 * never for keeping one. Follow it with `isSigned` of its envelope.
 * @throws `frame-too-large`, `bad-record`; `bad-signature` where the key is not that of the peer it names.
 */
export function decodeUnverifiedOffer(bytes: Uint8Array): { readonly offer: Offer; readonly envelope: Envelope } {
  const envelope = decodeEnvelope(boundedOffer(bytes));
  const offer = decodeCbor(offerSchema, envelope.payload, 'bad-record');
  if (envelope.type !== 'offer' || peerIdFromKey(envelope.key) !== offer.peer)
    throw new TabloomError('bad-signature', 'The offer names another peer than its key.');
  return { offer, envelope };
}

/** The gossiped bytes. @throws `bad-record`, `frame-too-large`. */
export const writeOffer = (offer: Offer, signer: Signer): Uint8Array =>
  boundedOffer(encodeEnvelope(signOffer(offer, signer)));

function boundedOffer(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= limits.gossipBytesMax) return bytes;
  throw new TabloomError('frame-too-large', `An offer has at most ${limits.gossipBytesMax} bytes.`);
}
