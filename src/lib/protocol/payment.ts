import { z } from 'zod';
import { bytesSchema } from './bounded.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { limits } from './limits.ts';
import { priceSchema, unitsSchema } from './price.ts';

/*
 * What peers tell each other about money. Chains and contracts are opaque here: addresses and signatures are hexadecimal
 * text, and what they mean is checked by who pays and who is paid.
 */

/** Where and how a worker is paid. */
export type Payout = z.output<typeof payoutSchema>;
/** The channel that a job is paid from. */
export type JobPayment = z.output<typeof jobPaymentSchema>;
/** What was paid for a job, as its receipt states it. */
export type ReceiptPayment = z.output<typeof receiptPaymentSchema>;
/** A voucher as it travels: the channel's promised total, signed. */
export type WireVoucher = z.output<typeof voucherSchema>;

type HexText = `0x${string}`;

const hexSchema = (digits: number) => {
  const form = new RegExp(`^0x[0-9a-f]{${digits}}$`);
  return z.custom<HexText>(
    (value) => typeof value === 'string' && form.test(value),
    `expected 0x and ${digits} lower-case hexadecimal digits`,
  );
};
const address = hexSchema(40);
const seconds = z
  .number()
  .int()
  .min(0)
  .max(2 ** 48 - 1);
export const chainIdSchema = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
/** 65 bytes. */
export const signatureSchema = hexSchema(130);

export const payoutSchema = z.object({
  /** The chain's id. */
  chain: chainIdSchema,
  provider: address,
  /** Signs closes and claim orders for the provider. */
  providerSigner: address,
  /** Seconds between announcing a withdrawal and making it that the provider needs. */
  delay: seconds,
  /** The smallest deposit it serves for, in the smallest unit of the chain's token. */
  depositMin: unitsSchema,
});

/** The contract's terms of a channel, field for field. */
export const channelTermsSchema = z.object({
  payer: address,
  payerSigner: address,
  provider: address,
  providerSigner: address,
  token: address,
  delay: seconds,
  deadline: seconds,
  salt: hexSchema(64),
});

export const jobPaymentSchema = z.object({
  chain: chainIdSchema,
  terms: channelTermsSchema,
  /** That of the offer which the worker was chosen by. */
  price: priceSchema,
});

export const receiptPaymentSchema = z.object({
  chain: chainIdSchema,
  /** The id of the channel. */
  channel: hexSchema(64),
  /** Units that this job has paid this worker in all. */
  total: unitsSchema,
});

export const voucherSchema = z.object({
  channelId: hexSchema(64),
  cumulativeAmount: unitsSchema,
  signature: signatureSchema,
});

export const voucherBytesSchema = bytesSchema(limits.receiptBytesMax);

/** The bytes in a `pay` frame. */
export const encodeVoucher = ({
  channelId,
  cumulativeAmount,
  signature,
}: Omit<WireVoucher, 'cumulativeAmount'> & { readonly cumulativeAmount: bigint }): Uint8Array =>
  encodeCbor(voucherSchema.parse({ channelId, cumulativeAmount: cumulativeAmount.toString(), signature }));

/** Its form alone is checked here, never its signature. @throws `bad-frame`. */
export const decodeVoucher = (bytes: Uint8Array): WireVoucher => decodeCbor(voucherSchema, bytes, 'bad-frame');
