import { z } from 'zod';
import { encodeCbor, parseRecord, readRecord } from './cbor.ts';
import { envelopeOf } from './envelope.ts';
import { boundedFrame, failureSchema, frameHead, type UnknownFrame } from './frame.ts';
import { inclusionPathSchema } from './epoch.ts';
import { hashSchema } from './ids.ts';
import { parseJob, type Job } from './job.ts';
import { limits } from './limits.ts';
import { partSchema } from './part.ts';
import { receiptEnvelopeSchema } from './receipt.ts';

/**
 * How what an audit needs is asked for: leaves, of the worker that committed to them; a prompt with its answer, of an accuser, by
 * the validators of the panel. One request, its answers, and the end.
 */
export type AuditRequest = z.output<typeof auditRequestSchema>;
/** `released` carries the job as it was asked, without `budget` and `payment`. */
export type AuditFrame = z.output<typeof plainFrameSchema> | (z.output<typeof releasedSchema> & { readonly job: Job });

export const auditProtocol = '/tabloom/audit/2';

const index = z
  .number()
  .int()
  .nonnegative()
  .max(limits.epochReceiptsMax - 1);

export const auditRequestSchema = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('open-leaves'),
    /** Hash of the commitment. */
    epoch: hashSchema,
    indices: z.array(index).max(limits.auditOpeningsMax),
    receipts: z.array(hashSchema).max(limits.auditOpeningsMax),
  }),
  z.object({ t: z.literal('show'), audit: hashSchema }),
]);

export const plainFrameSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('leaf'), index, receipt: receiptEnvelopeSchema, path: inclusionPathSchema }),
  /** The tree has no such leaf. */
  z.object({ t: z.literal('absent'), receipt: hashSchema }),
  z.object({ t: z.literal('refused'), ...failureSchema }),
]);

/** Beside `job`. */
export const releasedSchema = z.object({
  t: z.literal('released'),
  /** The asker's word that the prompt may be shown. */
  release: envelopeOf('release', limits.receiptBytesMax),
  /** The answer, as the worker sent it. */
  parts: z.array(partSchema).max(limits.auditPartsMax),
});

const requestWords = wordsOf(auditRequestSchema);
const frameWords = wordsOf(plainFrameSchema);

/** These throw `frame-too-large` and `bad-frame`. */
export const encodeAuditRequest = (request: AuditRequest): Uint8Array =>
  boundedFrame(encodeCbor(parseRecord(auditRequestSchema, request)));

export function encodeAuditFrame(frame: AuditFrame): Uint8Array {
  if (frame.t !== 'released') return boundedFrame(encodeCbor(parseRecord(plainFrameSchema, frame)));
  const { job, ...rest } = frame;
  return boundedFrame(encodeCbor({ ...parseRecord(releasedSchema, rest), job: parseJob(job) }));
}

/** Also throw `version` where `must` lists a word this version does not know. */
export function decodeAuditRequest(body: Uint8Array): AuditRequest | UnknownFrame {
  const raw = readRecord(boundedFrame(body));
  const { t } = frameHead(raw);
  return requestWords.has(t) ? parseRecord(auditRequestSchema, raw) : { t: 'unknown', word: t };
}

export function decodeAuditFrame(body: Uint8Array): AuditFrame | UnknownFrame {
  const raw = readRecord(boundedFrame(body));
  const { t } = frameHead(raw);
  if (t === 'released')
    return { ...parseRecord(releasedSchema, raw), job: parseJob((raw as { readonly job?: unknown }).job) };
  return frameWords.has(t) ? parseRecord(plainFrameSchema, raw) : { t: 'unknown', word: t };
}

function wordsOf({ options }: { readonly options: readonly { readonly shape: { readonly t: z.ZodLiteral } }[] }) {
  return new Set(options.map(({ shape }) => String(shape.t.value)));
}
