import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { decodeCbor, parseRecord } from './cbor.ts';
import { decodeEnvelope, encodeEnvelope, openEnvelope, signEnvelope, type Envelope, type Signer } from './envelope.ts';
import { bytesSchema } from './bounded.ts';
import { artefactIdSchema, peerIdFromKey, peerIdSchema } from './ids.ts';
import { tierSchema } from './job.ts';
import { limits } from './limits.ts';
import { payoutSchema } from './payment.ts';
import { priceSchema } from './price.ts';
import { mustSchema, nameSchema, unknownMust, wordSchema, type Word } from './word.ts';

/** What a worker is serving right now. Signed, gossiped and expiring. */
export type Offer = z.output<typeof offerSchema>;
export type OfferedModel = z.output<typeof offeredModelSchema>;
export type Measured = z.output<typeof measuredSchema>;

const rate = z.number().nonnegative().max(limits.rateMax);
const jobs = z.number().int().min(0).max(limits.slotsMax);

/**
 * Measured on finished jobs and in a start-up benchmark, never guessed from the device name. Tokens per second and
 * milliseconds.
 */
export const measuredSchema = z.object({
  prefillTps: rate,
  decodeTps: rate,
  ttftMs: z.number().nonnegative().max(limits.durationMsMax),
});

/** The kind of program the peer is; an open word. */
export type Role = Word<'tab' | 'native' | 'enclave'>;
const roleSchema: z.ZodType<Role> = wordSchema;

const engineInfoSchema = z.object({
  name: z.string().min(1).max(limits.wordLengthMax),
  build: z.string().max(limits.wordLengthMax),
  /** Deliberately coarse ("wasm-cpu", "webgpu-apple"), so that it is no fingerprint. */
  deviceClass: z.string().max(limits.wordLengthMax),
});

/**
 * The GPUs of a machine, as its drivers name them: a claim. `measured`: models on it had a plausible speed in benchmarks that
 * the machine ran itself, with prompts drawn by a seed.
 */
export type Hardware = z.output<typeof hardwareSchema>;

const statusSchema: z.ZodType<Word<'claimed' | 'measured'>> = wordSchema;

const hardwareSchema = z.object({
  gpus: z
    .array(
      z.object({
        name: z.string().min(1).max(limits.wordLengthMax),
        /** 0 where the driver does not say. */
        memoryMiB: z.number().int().min(0).max(1_000_000_000),
      }),
    )
    .min(1)
    .max(limits.offerGpusMax),
  driver: z.string().max(limits.wordLengthMax).optional(),
  /** `CUDA 12.8`, `ROCm`. */
  runtime: z.string().max(limits.wordLengthMax).optional(),
  /** Nothing but `claimed` where it is left out. */
  status: statusSchema.optional(),
});

export const offeredModelSchema = z.object({
  artefact: artefactIdSchema,
  name: nameSchema,
  /** Kinds of work it supports: open words. */
  kinds: z.array(wordSchema).min(1).max(limits.offerKindsMax),
  /** Supported features: open words, each proven by the engine's compliance suite. */
  features: z.array(wordSchema).max(limits.offerFeaturesMax),
  contextTokens: z.number().int().min(1).max(limits.contextTokensMax),
  quantisation: z.string().max(limits.quantisationLengthMax),
  price: priceSchema,
  /** Concurrent jobs; a WebLLM tab has one slot. */
  slots: jobs.min(1),
  running: jobs,
  queued: jobs,
  measured: measuredSchema.optional(),
  /** Of this model, where it is another than the offer's; `must` has `engines` then. */
  engine: engineInfoSchema.optional(),
  /** Its answers are those of another provider that the peer pays, while its own models are busy: not of its hardware. */
  upstream: z.literal(true).optional(),
  /** Its answers are those of other peers, which this one pays by the chunk out of what its asker pays; it holds a chunk at most. */
  hub: z.literal(true).optional(),
});

/** What answers with a model of an offer, and stands in its receipts. */
export const engineOf = (offer: Pick<Offer, 'engine'>, model: Pick<OfferedModel, 'engine'>): Offer['engine'] =>
  model.engine ?? offer.engine;

/** In `must` of an offer whose models run in several engines. */
export const severalEngines = 'engines';

/** The name under which a model is offered that another provider answers, beside the model of that name itself. */
export const upstreamName = (name: string): string => `${name}:upstream`;

/** What a peer calls itself, in UTF-16 code units as every name. Anybody can take any: it stands beside the peer id, never instead. */
export const nicknameSchema = nameSchema.refine(
  ({ length }) => length <= limits.nicknameLengthMax,
  `expected at most ${limits.nicknameLengthMax} characters`,
);

export const offerSchema = z.object({
  peer: peerIdSchema,
  /** Increases with every offer of this peer, across restarts too. */
  seq: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  issuedAt: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  ttlMs: z.number().int().min(1_000).max(limits.offerTtlMsMax),
  role: roleSchema,
  /** Shutting down: finishes running jobs and accepts no new ones. */
  draining: z.boolean(),
  engine: engineInfoSchema,
  /** Models that do not match this version's schema are skipped; the rest of the offer stays valid. */
  models: z
    .array(z.unknown())
    .max(limits.offerModelsMax)
    .transform((models) => models.flatMap((model) => offeredModelSchema.safeParse(model).data ?? [])),
  /** Tiers the worker claims; a claim proves nothing. */
  tiers: z.array(tierSchema).min(1).max(limits.offerTiersMax),
  /** Kinds of request the worker refuses: open words. */
  policy: z.array(wordSchema).max(limits.offerPolicyMax),
  addrs: z.array(z.string().max(limits.addrLengthMax)).max(limits.offerAddrsMax),
  /** Software version, for people. */
  build: z.string().max(limits.wordLengthMax),
  /** Chosen by its owner; left out unless one was. */
  nickname: nicknameSchema.optional(),
  hardware: hardwareSchema.optional(),
  must: mustSchema.optional(),
  /** Where it is paid. Without it a model with a price cannot be asked for. */
  payout: payoutSchema.optional(),
  /** Reserved: attestation evidence of an enclave. */
  attestation: bytesSchema(limits.receiptBytesMax).optional(),
});

/** Whether this version understands every word in `must`. If not, the offer is forwarded but never used. */
export const understandsMust = (offer: Offer): boolean => unknownMust(offer).length === 0;

/**
 * @throws `bad-record` if a reader would reject the offer or skip one of its models, or if the signer is another peer.
 */
export function signOffer(offer: Offer, signer: Signer): Envelope {
  const record = parseRecord(offerSchema, offer, 'bad-record');
  // Readers skip a model they cannot parse; a signer must not lose one silently that way.
  for (const model of offer.models) parseRecord(offeredModelSchema, model, 'bad-record');
  if (record.peer !== signer.peer) {
    throw new TabloomError('bad-record', 'An offer must be signed with the key of the peer it names.');
  }
  return signEnvelope('offer', record, signer);
}

/**
 * Opens a gossiped offer, checking size, signature, schema and that the signer is the peer it names. The directory
 * checks freshness, which needs the clock and the last `seq`.
 * @throws `frame-too-large`, `bad-record`, `bad-signature`.
 */
export function readOffer(bytes: Uint8Array): { readonly offer: Offer; readonly envelope: Envelope } {
  const envelope = decodeEnvelope(boundedOffer(bytes));
  const { record, peer } = openEnvelope('offer', offerSchema, envelope);
  if (record.peer !== peer) throw new TabloomError('bad-signature', 'The offer is not signed by the peer it names.');
  return { offer: record, envelope };
}

/**
 * Decodes a gossiped offer without verifying its signature, which is the expensive step. Use it to discard offers
 * early, never to keep one; call `isSigned` on the envelope before that.
 * @throws `frame-too-large`, `bad-record`; `bad-signature` if the key is not that of the peer it names.
 */
export function decodeUnverifiedOffer(bytes: Uint8Array): { readonly offer: Offer; readonly envelope: Envelope } {
  const envelope = decodeEnvelope(boundedOffer(bytes));
  const offer = decodeCbor(offerSchema, envelope.payload, 'bad-record');
  if (envelope.type !== 'offer' || peerIdFromKey(envelope.key) !== offer.peer)
    throw new TabloomError('bad-signature', 'The offer names a peer other than its key.');
  return { offer, envelope };
}

/** Signs and encodes an offer for gossip. @throws `bad-record`, `frame-too-large`. */
export const writeOffer = (offer: Offer, signer: Signer): Uint8Array =>
  boundedOffer(encodeEnvelope(signOffer(offer, signer)));

function boundedOffer(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= limits.gossipBytesMax) return bytes;
  throw new TabloomError('frame-too-large', `An offer may have at most ${limits.gossipBytesMax} bytes.`);
}
