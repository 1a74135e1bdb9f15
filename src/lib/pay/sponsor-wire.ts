import { z } from 'zod';
import type { SignedWithdrawal } from './actions/announce-withdrawal.ts';
import type { Opening } from './actions/open.ts';
import type { SignedSettleOrder } from './actions/settle-for.ts';
import { amountSchema } from './amount.ts';
import { payError } from './errors.ts';
import type { Hex, Mined } from './spec.ts';
import type { SponsoredAction } from './sponsor.ts';
import { unsponsored } from './sponsorship.ts';
import { addressSchema, bytes32Schema, termsSchema } from './terms.ts';

/** What a sponsor is asked over HTTP and answers, with amounts as decimal text. */
export type SponsorRequest =
  | { readonly action: 'open' | 'top-up'; readonly opening: Opening }
  | { readonly action: 'announce'; readonly withdrawal: SignedWithdrawal }
  | { readonly action: 'settle'; readonly settlement: SignedSettleOrder };

const signatureSchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{130}$/, 'a signature is 65 bytes')
  .transform((text) => text as Hex);
const sponsorshipSchema = z.strictObject({
  sponsor: addressSchema,
  fee: amountSchema.refine((units) => units < 2n ** 96n, 'a fee has at most 96 bits'),
});
const secondsSchema = z
  .number()
  .int()
  .min(0)
  .max(2 ** 48 - 1);

const depositShape = {
  terms: termsSchema,
  amount: amountSchema,
  authorization: z.strictObject({
    validAfter: amountSchema,
    validBefore: amountSchema,
    salt: bytes32Schema,
    signature: signatureSchema,
  }),
  sponsorship: sponsorshipSchema,
};

/** The body of `POST /pay/sponsor`. */
export const sponsorRequestSchema = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('open'), ...depositShape }),
  z.strictObject({ action: z.literal('top-up'), ...depositShape }),
  z.strictObject({
    action: z.literal('announce'),
    terms: termsSchema,
    sponsorship: sponsorshipSchema,
    signature: signatureSchema,
  }),
  z.strictObject({
    action: z.literal('settle'),
    order: z.strictObject({
      payee: addressSchema,
      token: addressSchema,
      sponsor: addressSchema,
      fee: sponsorshipSchema.shape.fee,
      payeeMin: amountSchema,
      validBefore: secondsSchema,
      nonce: amountSchema,
    }),
    signature: signatureSchema,
  }),
]);

/** The body of `GET /pay/sponsor`: what it sends for now, and whom it pays. */
export const sponsorQuoteSchema = z.object({
  chain: z.number().int().positive(),
  sponsor: addressSchema,
  fees: z.object({
    open: amountSchema,
    'top-up': amountSchema,
    announce: amountSchema,
    settle: amountSchema,
    /** Of each claim of an order. */
    claim: amountSchema,
  } satisfies Record<SponsoredAction | 'claim', unknown>),
});

export type SponsorQuote = z.input<typeof sponsorQuoteSchema>;

/** The answer: a transaction with its confirmations. What it did is read from the chain, not from here. */
export const sponsoredSchema = z.object({
  hash: bytes32Schema,
  block: z.number().int().nonnegative(),
  gasUsed: amountSchema,
});

export type Sponsored = z.input<typeof sponsoredSchema>;

export const writeSponsored = ({ hash, blockNumber, gasUsed }: Mined): Sponsored => ({
  hash,
  block: Number(blockNumber),
  gasUsed: gasUsed.toString(),
});

/** @throws `bad-sponsor-request` with the member that is wrong. */
export function readSponsorRequest(value: unknown): SponsorRequest {
  const parsed = sponsorRequestSchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw payError('bad-sponsor-request', { details: { field: path.join('.'), reason: message } });
  }
  const { data } = parsed;
  switch (data.action) {
    case 'open':
    case 'top-up': {
      const { action, terms, amount, authorization, sponsorship } = data;
      return { action, opening: { terms, amount, deposit: { authorization, sponsorship } } };
    }
    case 'announce': {
      const { action, ...withdrawal } = data;
      return { action, withdrawal };
    }
    case 'settle': {
      const { action, ...settlement } = data;
      return { action, settlement };
    }
  }
}

/** @throws `bad-deposit` for a deposit that only its payer can send. */
export function writeSponsorRequest(request: SponsorRequest): z.input<typeof sponsorRequestSchema> {
  switch (request.action) {
    case 'open':
    case 'top-up': {
      const { terms, amount, deposit } = request.opening;
      const { validAfter, validBefore, salt, signature } = deposit.authorization;
      return {
        action: request.action,
        terms,
        amount: amount.toString(),
        authorization: { validAfter: validAfter.toString(), validBefore: validBefore.toString(), salt, signature },
        sponsorship: writeSponsorship(deposit.sponsorship),
      };
    }
    case 'announce': {
      const { terms, sponsorship, signature } = request.withdrawal;
      return { action: 'announce', terms, sponsorship: writeSponsorship(sponsorship), signature };
    }
    case 'settle': {
      const { order, signature } = request.settlement;
      const { fee, payeeMin, nonce, ...rest } = order;
      return {
        action: 'settle',
        order: { ...rest, fee: fee.toString(), payeeMin: payeeMin.toString(), nonce: nonce.toString() },
        signature,
      };
    }
  }
}

const writeSponsorship = ({ sponsor, fee } = unsponsored) => ({ sponsor, fee: fee.toString() });
