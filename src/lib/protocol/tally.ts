import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { bytesSchema } from './bounded.ts';
import { encodeCbor, parseRecord, readRecord } from './cbor.ts';
import { envelopeOf, openEnvelope, signEnvelope, type Envelope, type Signer } from './envelope.ts';
import { boundedFrame, frameHead, type UnknownFrame } from './frame.ts';
import { peerIdSchema } from './ids.ts';
import { limits } from './limits.ts';
import { countersignEnvelopeSchema, receiptEnvelopeSchema } from './receipt.ts';

/**
 * What one peer says of the work it received from others, and the exchange in which neighbours hand each other their
 * tallies and the proofs of forked chains.
 */
export type Tally = z.output<typeof tallySchema>;
export type TallyFrame = z.output<typeof tallyFrameSchema>;
export type ForkRecord = z.output<typeof forkSchema>;

export const tallyProtocol = '/tabloom/tally/2';

const natural = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const receivedWorkSchema = z.object({ peer: peerIdSchema, work: natural.min(1) });

export const tallySchema = z.object({
  /** The signer. */
  peer: peerIdSchema,
  /** Increases with every tally of this peer, across restarts too. */
  seq: natural,
  issuedAt: natural,
  ttlMs: z.number().int().min(1_000).max(limits.tallyTtlMsMax),
  /** As it weighs at `issuedAt`: each piece of work halved for every fourteen days since. */
  received: z
    .array(receivedWorkSchema)
    .max(limits.tallyEntriesMax)
    .refine((entries) => new Set(entries.map(({ peer }) => peer)).size === entries.length, 'expected each peer once'),
});

const tallyEnvelopeSchema = envelopeOf('tally', limits.receiptBytesMax);

/** Two records that one key signed after the same one: receipts of a worker, or countersigns of an asker. */
export const forkSchema = z.discriminatedUnion('side', [
  z.object({ side: z.literal('worker'), left: receiptEnvelopeSchema, right: receiptEnvelopeSchema }),
  z.object({ side: z.literal('asker'), left: countersignEnvelopeSchema, right: countersignEnvelopeSchema }),
]);

/** A place in a chain and the record that stands there, by the first bytes of their hashes; see `trust/links.ts`. */
export const linkDigestBytes = { place: 16, record: 8 } as const;
const linkBytes = linkDigestBytes.place + linkDigestBytes.record;

export const tallyFrameSchema = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('have'),
    /** Peers whose forks are known already. */
    forked: z.array(peerIdSchema).max(limits.tallyForkedMax),
    /** Digests of links, one after the other. */
    links: bytesSchema(limits.tallyLinksMax * linkBytes).refine((bytes) => bytes.length % linkBytes === 0),
  }),
  z.object({ t: z.literal('tally'), envelope: tallyEnvelopeSchema }),
  z.object({ t: z.literal('link'), envelope: z.union([receiptEnvelopeSchema, countersignEnvelopeSchema]) }),
  z.object({ t: z.literal('fork'), fork: forkSchema }),
]);

const tallyWords: ReadonlySet<string> = new Set(tallyFrameSchema.options.map((option) => option.shape.t.value));

/** @throws `frame-too-large`, `bad-frame`. */
export const encodeTallyFrame = (frame: TallyFrame): Uint8Array =>
  boundedFrame(encodeCbor(parseRecord(tallyFrameSchema, frame)));

/** @throws `frame-too-large`, `bad-frame`; `version` where the frame's `must` lists a word this version does not know. */
export function decodeTallyFrame(body: Uint8Array): TallyFrame | UnknownFrame {
  const raw = readRecord(boundedFrame(body));
  const { t } = frameHead(raw);
  return tallyWords.has(t) ? parseRecord(tallyFrameSchema, raw) : { t: 'unknown', word: t };
}

/** @throws `bad-record` rather than signing what nobody could read, or in another peer's name. */
export function signTally(tally: Tally, signer: Signer): Envelope {
  const record = parseRecord(tallySchema, tally, 'bad-record');
  if (record.peer !== signer.peer) {
    throw new TabloomError('bad-record', 'A tally must be signed with the key of the peer it names.');
  }
  return signEnvelope('tally', record, signer);
}

/** Checks the signature, the schema and that the signer is the peer it names. @throws `bad-signature`, `bad-record`. */
export function readTally(envelope: Envelope): Tally {
  const { record, peer } = openEnvelope('tally', tallySchema, envelope);
  if (record.peer !== peer) throw new TabloomError('bad-signature', 'The tally is not signed by the peer it names.');
  return record;
}
