import { z } from 'zod';
import { decodeCbor, encodeCbor, parseRecord, readRecord } from './cbor.ts';
import { boundedFrame, failureSchema, frameHead, type UnknownFrame } from './frame.ts';
import { chainIdSchema, channelTermsSchema, signatureSchema } from './payment.ts';
import { unitsSchema } from './price.ts';

/** How a payer asks its worker to close their channel at once, instead of waiting for a withdrawal: one request, one answer. */
export type CloseRequest = z.output<typeof closeRequestSchema>;
export type CloseFrame = z.output<typeof closeFrameSchema>;

export const closeProtocol = '/tabloom/close/2';

export const closeRequestSchema = z.object({
  chain: chainIdSchema,
  terms: channelTermsSchema,
  /** The contract's `Withdrawal` for this channel without a fee, by `payerSigner`: only who pays may end what is paid for. */
  signature: signatureSchema,
});

export const closeFrameSchema = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('agreed'),
    finalAmount: unitsSchema,
    /** The contract's `Close` for this channel and amount, by `providerSigner`. */
    signature: signatureSchema,
    /** The payer's own signature of a voucher for this amount; left out where it has been claimed already. */
    voucher: signatureSchema.optional(),
  }),
  z.object({ t: z.literal('refused'), ...failureSchema }),
]);

const words: ReadonlySet<string> = new Set(closeFrameSchema.options.map((option) => option.shape.t.value));

/** These and `decodeCloseFrame` throw `frame-too-large` and `bad-frame`. */
export const encodeCloseRequest = (request: CloseRequest): Uint8Array =>
  boundedFrame(encodeCbor(parseRecord(closeRequestSchema, request)));
export const decodeCloseRequest = (body: Uint8Array): CloseRequest =>
  decodeCbor(closeRequestSchema, boundedFrame(body));
export const encodeCloseFrame = (frame: CloseFrame): Uint8Array =>
  boundedFrame(encodeCbor(parseRecord(closeFrameSchema, frame)));

/** Also throws `version` where the frame's `must` lists a word this version does not know. */
export function decodeCloseFrame(body: Uint8Array): CloseFrame | UnknownFrame {
  const raw = readRecord(boundedFrame(body));
  const { t } = frameHead(raw);
  return words.has(t) ? parseRecord(closeFrameSchema, raw) : { t: 'unknown', word: t };
}
