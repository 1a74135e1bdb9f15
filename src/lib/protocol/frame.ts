import { z } from 'zod';
import { someBytesSchema } from './bounded.ts';
import { encodeCbor, parseRecord, readRecord } from './cbor.ts';
import { checkpointEnvelopeSchema } from './checkpoint.ts';
import { errorCodeSchema, errorMessageSchema, wireError } from './errors.ts';
import { hashSchema, jobIdSchema } from './ids.ts';
import { parseJob, type Job } from './job.ts';
import { jobKinds, type KindTable } from './kinds/table.ts';
import { limits } from './limits.ts';
import { voucherBytesSchema } from './payment.ts';
import { unitsSchema } from './price.ts';
import { finishReasonSchema, partSchema, usageSchema, type Part } from './part.ts';
import { encodePartFrame, readPlainPart, readPlainWarning } from './part-frame.ts';
import { countersignEnvelopeSchema, receiptEnvelopeSchema } from './receipt.ts';
import { mustSchema, unknownMust, wordSchema, type Word } from './word.ts';

/**
 * The frames of a job stream. Exactly one of `refused`, `finish` and `error` closes the worker's side; after `finish`
 * the asker sends `countersign` and closes. A stream that ends without one of them is a lost peer, never success.
 */
export type AskerFrame = { readonly t: 'open'; readonly job: Job } | z.output<typeof askerFrameSchema>;
export type WorkerFrame = z.output<typeof workerFrameSchema>;

/** A frame or part whose type (`word`) this version does not know; receivers skip it. */
export interface UnknownFrame {
  readonly t: 'unknown';
  readonly word: string;
}

/** What a worker is doing while it sends no parts; an unknown word is treated as `thinking`. */
export type Phase = Word<'queued' | 'loading' | 'prefill' | 'thinking' | 'streaming' | 'starved'>;

export const jobProtocol = '/tabloom/job/2';

const waitMs = z.number().int().min(0).max(limits.durationMsMax);
const queuePlace = { position: z.number().int().min(0).max(limits.slotsMax), etaMs: waitMs };
/** Of a job that is paid for: the units of its input, what they cost so far, and what was credited on an earlier channel. */
const charged = {
  tokensIn: z.number().int().nonnegative().optional(),
  due: unitsSchema.optional(),
  paid: unitsSchema.optional(),
};
/** Why something ended or was not begun: the members of each frame that says so. */
export const failureSchema = { code: errorCodeSchema, message: errorMessageSchema };
const phaseSchema: z.ZodType<Phase> = wordSchema;

export const askerFrameSchema = z.discriminatedUnion('t', [
  /** The next bytes of a file referenced by the input; in order, without gaps. */
  z.object({ t: z.literal('blob'), sha256: hashSchema, bytes: someBytesSchema(limits.blobFrameBytesMax) }),
  z.object({ t: z.literal('cancel'), jobId: jobIdSchema }),
  z.object({ t: z.literal('countersign'), envelope: countersignEnvelopeSchema }),
  /** The channel's newest voucher, and what it pays for this job in all; without a total it credits the job with nothing. */
  z.object({ t: z.literal('pay'), voucher: voucherBytesSchema, total: unitsSchema.optional() }),
]);

export const workerFrameSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('accepted'), ...queuePlace, ...charged }),
  z.object({ t: z.literal('refused'), ...failureSchema, retryAfterMs: waitMs.optional() }),
  z.object({ t: z.literal('part'), part: partSchema }),
  z.object({ t: z.literal('checkpoint'), envelope: checkpointEnvelopeSchema }),
  z.object({ t: z.literal('alive'), phase: phaseSchema.optional(), etaMs: waitMs.optional() }),
  z.object({ t: z.literal('finish'), reason: finishReasonSchema, usage: usageSchema, receipt: receiptEnvelopeSchema }),
  z.object({ t: z.literal('error'), ...failureSchema, retryAfterMs: waitMs.optional() }),
]);

const headSchema = z.looseObject({ t: wordSchema, must: mustSchema.optional() });
const typeSchema = z.looseObject({ type: wordSchema });
const partTypes: ReadonlySet<string> = new Set(partSchema.options.map((option) => option.shape.type.value));
const askerWords: ReadonlySet<string> = new Set(askerFrameSchema.options.map((option) => option.shape.t.value));
const workerWords: ReadonlySet<string> = new Set(workerFrameSchema.options.map((option) => option.shape.t.value));

/**
 * Encoders reject anything the receiver would have to reject.
 * @throws `frame-too-large`; `bad-frame` if it does not match the schema.
 */
export const encodeAskerFrame = (frame: AskerFrame, kinds: KindTable = jobKinds): Uint8Array =>
  encodeCheckedFrame(checkedAskerFrame(frame, kinds));

/** The frame as the receiver would read it. @throws `bad-frame` if it does not match the schema. */
export const checkedAskerFrame = (frame: AskerFrame, kinds: KindTable = jobKinds): AskerFrame =>
  frame.t === 'open' ? { t: 'open', job: parseJob(frame.job, kinds) } : parseRecord(askerFrameSchema, frame);

/** Of a frame that has just been checked. @throws `frame-too-large`, `bad-frame`. */
export const encodeCheckedFrame = (frame: AskerFrame): Uint8Array => boundedFrame(encodeCbor(frame));

/** @throws `frame-too-large`, `bad-frame`. */
export function encodeWorkerFrame(frame: WorkerFrame): Uint8Array {
  const plain = readPlainPart(frame);
  if (plain) return boundedFrame(encodePartFrame(plain));
  return boundedFrame(encodeCbor(checkedWorkerFrame(frame)));
}

/** The frame as the receiver would read it. @throws `bad-frame` if it does not match the schema. */
export const checkedWorkerFrame = (frame: WorkerFrame): WorkerFrame => {
  const plain = readPlainPart(frame);
  return plain ? { t: 'part', part: plain } : parseRecord(workerFrameSchema, frame);
};

/** @throws `frame-too-large`, `bad-frame`; `version` if the `must` of the frame or its job lists an unknown word. */
export function decodeAskerFrame(body: Uint8Array, kinds: KindTable = jobKinds): AskerFrame | UnknownFrame {
  const raw = readRecord(boundedFrame(body));
  const { t } = frameHead(raw);
  if (t === 'open') return { t, job: parseJob((raw as { job?: unknown }).job, kinds) };
  return askerWords.has(t) ? parseRecord(askerFrameSchema, raw) : { t: 'unknown', word: t };
}

/** @throws `frame-too-large`, `bad-frame`; `version` if the frame's `must` lists an unknown word. */
export function decodeWorkerFrame(body: Uint8Array): WorkerFrame | UnknownFrame {
  const raw = readRecord(boundedFrame(body));
  const plain = readPlainPart(raw);
  if (plain) return { t: 'part', part: plain };
  const { t } = frameHead(raw);
  if (!workerWords.has(t)) return { t: 'unknown', word: t };
  if (t === 'part') {
    const { type } = parseRecord(typeSchema, (raw as { part?: unknown }).part);
    if (!partTypes.has(type)) return { t: 'unknown', word: type };
  }
  return parseRecord(workerFrameSchema, raw);
}

/** The frame's type. @throws `bad-frame`; `version` if its `must` lists an unknown word. */
export function frameHead(raw: unknown): z.output<typeof headSchema> {
  const read = parseRecord(headSchema, raw);
  const [unknown] = unknownMust(read);
  if (unknown === undefined) return read;
  throw wireError('version', `The frame requires "${unknown}", which this version does not support.`);
}

/** The part if it fits the wire's limits, otherwise undefined. For parts produced by an engine. */
export const checkedPart = (part: unknown): Part | undefined =>
  readPlainPart({ t: 'part', part }) ?? readPlainWarning(part) ?? partSchema.safeParse(part).data;

/** Returns the body unchanged. @throws `frame-too-large`. */
export function boundedFrame(body: Uint8Array): Uint8Array {
  if (body.length > limits.frameBytesMax) {
    throw wireError(
      'frame-too-large',
      `A frame may have at most ${limits.frameBytesMax} bytes; this one has ${body.length}.`,
    );
  }
  return body;
}
