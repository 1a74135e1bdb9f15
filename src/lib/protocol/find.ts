import { z } from 'zod';
import { decodeCbor, encodeCbor, parseRecord, readRecord } from './cbor.ts';
import { envelopeOf, type Envelope } from './envelope.ts';
import { boundedFrame, frameHead, type UnknownFrame } from './frame.ts';
import { artefactIdSchema, peerIdSchema, type ArtefactId } from './ids.ts';
import { tierSchema } from './job.ts';
import { limits } from './limits.ts';
import { nameSchema, wordSchema, type Word } from './word.ts';

/**
 * Provider discovery through a relay: one request, a random sample in reply, then updates for as long as the stream is
 * open.
 */
export type FindRequest = z.output<typeof findRequestSchema>;
export type FindFrame = z.output<typeof findFrameSchema>;

export const findProtocol = '/tabloom/find/2';
/** Gossipsub topic for the signed offers of a small network. */
export const offersTopic = 'tabloom/offers/2';

/** Topic of a large network for the offers of an artefact, which it shares with a sixteenth of all artefacts. */
export const shardOf = (artefact: ArtefactId): string => `${offersTopic}/${artefact.slice(0, 1)}`;

/** Topics of a large network on which these models are offered. */
export const shardsOf = (models: readonly { readonly artefact: ArtefactId }[]): readonly string[] => [
  ...new Set(models.map(({ artefact }) => shardOf(artefact))),
];

/** All of them. A relay subscribes to each. */
export const offerTopics: readonly string[] = [offersTopic, ...[...'0123456789abcdef'].map(shardOf)];

/** Any unknown word is treated as `large`. */
export type NetworkSize = Word<'small' | 'large'>;
const networkSizeSchema: z.ZodType<NetworkSize> = wordSchema;

const offerEnvelopeSchema = envelopeOf('offer');

/**
 * What a relay calls the zone (the /24 or the /48) from which a peer is connected to it. Opaque, and comparable with labels of
 * the same relay only; empty where the relay has none.
 */
const zoneLabelSchema = z.string().max(limits.zoneLabelLengthMax);

export const findRequestSchema = z.object({
  tier: tierSchema.optional(),
  /** All of the following hold for one of the worker's models. */
  artefact: artefactIdSchema.optional(),
  name: nameSchema.optional(),
  kind: wordSchema.optional(),
  features: z.array(wordSchema).max(limits.offerFeaturesMax).optional(),
  limit: z.number().int().min(1).max(limits.findLimitMax),
});

export const findFrameSchema = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('hello'),
    peer: peerIdSchema,
    build: z.string().max(64),
    /** `small`: the asker also subscribes to the topic of what it requested, and needs no relay to follow it. */
    network: networkSizeSchema,
    peers: z.number().int().nonnegative(),
    /** The relay's clock, in milliseconds since 1970. */
    time: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).optional(),
  }),
  z.object({ t: z.literal('network'), network: networkSizeSchema }),
  z.object({
    t: z.literal('sample'),
    offers: z.array(offerEnvelopeSchema).max(limits.findLimitMax),
    /** Of each offer, in the same order; left out where the relay has none for any of them. */
    zones: z.array(zoneLabelSchema).max(limits.findLimitMax).optional(),
  }),
  z.object({ t: z.literal('offer'), offer: offerEnvelopeSchema, zone: zoneLabelSchema.optional() }),
  z.object({ t: z.literal('gone'), peer: peerIdSchema }),
  z.object({ t: z.literal('alive') }),
]);

/** These and `decodeFindFrame` throw `frame-too-large` and `bad-frame`. */
export const encodeFindRequest = (request: FindRequest): Uint8Array =>
  boundedFrame(encodeCbor(parseRecord(findRequestSchema, request)));
export const decodeFindRequest = (body: Uint8Array): FindRequest => decodeCbor(findRequestSchema, boundedFrame(body));
export const encodeFindFrame = (frame: FindFrame): Uint8Array =>
  boundedFrame(encodeCbor(parseRecord(findFrameSchema, frame)));

const findWords: ReadonlySet<string> = new Set(findFrameSchema.options.map((option) => option.shape.t.value));

/** Also throws `version` where the frame's `must` lists a word this version does not know. */
export function decodeFindFrame(body: Uint8Array): FindFrame | UnknownFrame {
  const raw = readRecord(boundedFrame(body));
  const { t } = frameHead(raw);
  return findWords.has(t) ? parseRecord(findFrameSchema, raw) : { t: 'unknown', word: t };
}

/** Generous upper bounds for a sample frame's overhead, per frame and per envelope, beyond the payloads. */
const sampleOverheadBytes = 64;
const envelopeOverheadBytes = 256;

/**
 * Splits a sample into as many frames as its size requires. An empty sample is sent as one empty frame, so an asker
 * learns at once that there are no workers.
 * @param zones labels of the offers, in the same order; empty or left out where there is none.
 */
export function encodeSample(offers: readonly Envelope[], zones: readonly string[] = []): readonly Uint8Array[] {
  const groups: { readonly offers: Envelope[]; readonly zones: string[] }[] = [{ offers: [], zones: [] }];
  let room = limits.frameBytesMax - sampleOverheadBytes;
  for (const [at, offer] of offers.slice(0, limits.findLimitMax).entries()) {
    const needed = offer.payload.length + envelopeOverheadBytes;
    if (needed > room) {
      groups.push({ offers: [], zones: [] });
      room = limits.frameBytesMax - sampleOverheadBytes;
    }
    groups.at(-1)!.offers.push(offer);
    groups.at(-1)!.zones.push(zones[at] ?? '');
    room -= needed;
  }
  return groups.map((group) => {
    const isLabelled = group.zones.some((zone) => zone !== '');
    return encodeFindFrame({ t: 'sample', offers: group.offers, ...(isLabelled ? { zones: group.zones } : {}) });
  });
}
