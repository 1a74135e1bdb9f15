import { z } from 'zod';
import { batchMax } from './cost.ts';
import { amountSchema } from './amount.ts';
import { payError } from './errors.ts';
import type { Address, Hex, Listed, SignedClaimOrder } from './spec.ts';
import { listReadable, type PayStorage } from './storage.ts';
import { addressSchema, bytes32Schema, termsSchema } from './terms.ts';

/** A claim order in transmitted and stored form, with amounts as decimal text. */
export type ClaimOrderRecord = z.input<typeof claimOrderSchema>;

const signatureText = z
  .string()
  .regex(/^0x(?:[0-9a-fA-F]{2}){1,4096}$/)
  .transform((text) => text as Hex);

export const claimOrderSchema = z.object({
  order: z.object({
    providerSigner: addressSchema,
    relay: addressSchema,
    feePerClaim: amountSchema,
    validBefore: z.number().int().positive(),
    claimsHash: bytes32Schema,
  }),
  claims: z
    .array(z.object({ channel: termsSchema, cumulativeAmount: amountSchema, signature: signatureText }))
    .min(1)
    .max(batchMax),
  signature: signatureText,
});

/** Persistent store of offline providers' orders, one per signer. */
export interface OrderStore {
  save(order: SignedClaimOrder): Promise<void>;
  delete(providerSigner: Address): Promise<void>;
  /** Unreadable orders are reported and skipped. */
  list(limit: number): Promise<Listed<SignedClaimOrder>>;
}

const prefix = 'claim-order/';

export function createOrderStore(storage: PayStorage): OrderStore {
  return {
    save: (signed) => storage.put('pay', prefix + signed.order.providerSigner, claimOrderRecord(signed)),
    delete: (signer) => storage.delete('pay', prefix + signer),
    list: (limit) => listReadable(storage, { prefix, limit }, (_, value) => parseClaimOrder(value)),
  };
}

/** Parses an order received from a provider. @throws `order-mismatch` if it is malformed. */
export function parseClaimOrder(value: unknown): SignedClaimOrder {
  const parsed = claimOrderSchema.safeParse(value);
  if (!parsed.success) {
    throw payError('order-mismatch', { details: { field: parsed.error.issues[0]?.path.join('.') } });
  }
  return parsed.data;
}

export function claimOrderRecord({ order, claims, signature }: SignedClaimOrder): ClaimOrderRecord {
  return {
    order: { ...order, feePerClaim: order.feePerClaim.toString() },
    claims: claims.map((claim) => ({
      channel: { ...claim.channel },
      cumulativeAmount: claim.cumulativeAmount.toString(),
      signature: claim.signature,
    })),
    signature,
  };
}
