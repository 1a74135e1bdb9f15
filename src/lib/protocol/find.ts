import { z } from 'zod';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { envelopeSchema } from './envelope.ts';
import { artefactIdSchema, peerIdSchema } from './ids.ts';
import { tierSchema } from './job.ts';
import { limits } from './limits.ts';

/** Asking a relay who serves what: one request, a first random sample, then the changes for as long as the stream lives. */
export type FindRequest = z.output<typeof findRequestSchema>;
export type FindFrame = z.output<typeof findFrameSchema>;

export const findProtocol = '/tabloom/find/1';
/** Gossip topic of signed offers. */
export const offersTopic = 'tabloom/offers/1';

export const findRequestSchema = z.object({
  artefact: artefactIdSchema.optional(),
  tier: tierSchema.optional(),
  limit: z.number().int().min(1).max(limits.findLimitMax),
});

export const findFrameSchema = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('hello'),
    peer: peerIdSchema,
    build: z.string().max(64),
    /** `small`: askers subscribe to the offers topic too and need no relay to find each other. */
    network: z.enum(['small', 'large']),
    peers: z.number().int().nonnegative(),
  }),
  z.object({ t: z.literal('sample'), offers: z.array(envelopeSchema).max(limits.findLimitMax) }),
  z.object({ t: z.literal('offer'), offer: envelopeSchema }),
  z.object({ t: z.literal('gone'), peer: peerIdSchema }),
  z.object({ t: z.literal('alive') }),
]);

export const encodeFindRequest = (request: FindRequest): Uint8Array => encodeCbor(request);
/** @throws `bad-frame`. */
export const decodeFindRequest = (body: Uint8Array): FindRequest => decodeCbor(findRequestSchema, body);
export const encodeFindFrame = (frame: FindFrame): Uint8Array => encodeCbor(frame);
/** @throws `bad-frame`. */
export const decodeFindFrame = (body: Uint8Array): FindFrame => decodeCbor(findFrameSchema, body);
