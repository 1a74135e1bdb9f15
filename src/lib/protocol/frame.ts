import { z } from 'zod';
import { decodeCbor, encodeCbor, parseRecord } from './cbor.ts';
import { errorCodeSchema, errorMessageSchema, wireError } from './errors.ts';
import { hashSchema, jobIdSchema } from './ids.ts';
import { jobSchema } from './job.ts';
import { limits } from './limits.ts';
import { finishReasonSchema, partSchema, usageSchema } from './part.ts';
import { bytesSchema } from './bounded.ts';
import { countersignEnvelopeSchema, receiptEnvelopeSchema } from './receipt.ts';

/**
 * What travels on a job stream. Exactly one `finish` or `error` closes the worker's side; after `finish` the asker
 * sends `countersign` and closes. An end of stream without either is a lost peer, never success.
 */
export type AskerFrame = z.output<typeof askerFrameSchema>;
export type WorkerFrame = z.output<typeof workerFrameSchema>;

export const jobProtocol = '/tabloom/job/1';

const waitMs = z.number().int().min(0).max(limits.durationMsMax);
const queuePlace = { position: z.number().int().min(0).max(limits.slotsMax), etaMs: waitMs };
const failure = { code: errorCodeSchema, message: errorMessageSchema };

export const askerFrameSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('open'), job: jobSchema }),
  z.object({
    t: z.literal('blob'),
    sha256: hashSchema,
    bytes: bytesSchema(limits.blobFrameBytesMax),
  }),
  z.object({ t: z.literal('cancel'), jobId: jobIdSchema }),
  z.object({ t: z.literal('countersign'), envelope: countersignEnvelopeSchema }),
]);

export const workerFrameSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('accepted'), ...queuePlace }),
  z.object({ t: z.literal('refused'), ...failure, retryAfterMs: waitMs.optional() }),
  z.object({ t: z.literal('part'), part: partSchema }),
  z.object({ t: z.literal('alive') }),
  z.object({ t: z.literal('finish'), reason: finishReasonSchema, usage: usageSchema, receipt: receiptEnvelopeSchema }),
  z.object({ t: z.literal('error'), ...failure }),
]);

/**
 * Encoders refuse what the other side would have to refuse.
 * @throws `frame-too-large`; `bad-frame` for a wrong shape.
 */
export const encodeAskerFrame = (frame: AskerFrame): Uint8Array =>
  boundedFrame(encodeCbor(parseRecord(askerFrameSchema, frame)));
/** @throws `frame-too-large`, `bad-frame`. */
export const encodeWorkerFrame = (frame: WorkerFrame): Uint8Array =>
  boundedFrame(encodeCbor(parseRecord(workerFrameSchema, frame)));

/** @throws `frame-too-large`, `bad-frame`. */
export const decodeAskerFrame = (body: Uint8Array): AskerFrame => decodeCbor(askerFrameSchema, boundedFrame(body));
/** @throws `frame-too-large`, `bad-frame`. */
export const decodeWorkerFrame = (body: Uint8Array): WorkerFrame => decodeCbor(workerFrameSchema, boundedFrame(body));

/** The body as it is. @throws `frame-too-large`. */
export function boundedFrame(body: Uint8Array): Uint8Array {
  if (body.length > limits.frameBytesMax) {
    throw wireError(
      'frame-too-large',
      `A frame has at most ${limits.frameBytesMax} bytes; this one has ${body.length}.`,
    );
  }
  return body;
}
