import { zeroAddress } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { voucherUnitsMax } from './amount.ts';
import { checkBatch } from './claims.ts';
import { payError } from './errors.ts';
import { checkTypedSignature } from './signature.ts';
import type { Address, Chain, Claim, DeployedChain, SignedClaimOrder, Wallet } from './spec.ts';
import { hashClaims } from './terms.ts';
import { claimOrderData } from './typed-data.ts';

/**
 * The provider's part: lets `relay` make exactly these claims while this device sleeps, for `feePerClaim` units each.
 * @throws `batch-empty`, `batch-too-long`, `amount-too-large`, `not-allowed` for claims of another signer.
 */
export async function signClaimOrder(
  chain: Chain,
  wallet: Wallet,
  {
    claims,
    relay,
    feePerClaim,
    validBefore,
  }: {
    readonly claims: readonly Claim[];
    /** Null: whoever comes first. */
    readonly relay: Address | null;
    readonly feePerClaim: bigint;
    readonly validBefore: number;
  },
  options: AbortOptions = {},
): Promise<SignedClaimOrder> {
  checkBatch(claims);
  if (feePerClaim < 0n || feePerClaim > voucherUnitsMax) throw payError('amount-too-large');
  if (claims.some(({ channel }) => channel.providerSigner !== wallet.address)) {
    throw payError('not-allowed', { details: { signer: wallet.address } });
  }
  const order = {
    providerSigner: wallet.address,
    relay: relay ?? zeroAddress,
    feePerClaim,
    validBefore,
    claimsHash: hashClaims(claims),
  } as const;
  return { order, claims, signature: await wallet.signTypedData(claimOrderData(chain.entry, order), options) };
}

/**
 * Whether `relay` may use this order at `now` (Unix seconds).
 * @throws `batch-empty`, `batch-too-long`, `order-expired`, `wrong-relay`, `order-mismatch`, `bad-signature`.
 */
export async function checkClaimOrder(
  chain: DeployedChain,
  { order, claims, signature }: SignedClaimOrder,
  { relay, now }: { readonly relay: Address; readonly now: number },
): Promise<void> {
  checkBatch(claims);
  if (now >= order.validBefore) throw payError('order-expired', { details: { validBefore: order.validBefore, now } });
  if (order.relay !== zeroAddress && order.relay !== relay) {
    throw payError('wrong-relay', { details: { expected: order.relay, given: relay } });
  }
  const isForeign = claims.some(({ channel }) => channel.providerSigner !== order.providerSigner);
  if (isForeign || hashClaims(claims) !== order.claimsHash) throw payError('order-mismatch');
  await checkTypedSignature(order.providerSigner, claimOrderData(chain, order), signature);
}
