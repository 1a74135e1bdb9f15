import { zeroAddress } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { voucherUnitsMax } from './amount.ts';
import { checkBatch } from './claims.ts';
import { payError } from './errors.ts';
import { checkSeconds, checkToken, isBytes, parseAddress } from './input.ts';
import { checkTypedSignature } from './signature.ts';
import type { Address, Chain, Claim, DeployedChain, SignedClaimOrder, Wallet } from './spec.ts';
import { channelIdOf, hashClaims, parseTerms } from './terms.ts';
import { claimOrderData } from './typed-data.ts';

/** Maximum validity of an order, in seconds: delays are at most 30 days, and holders need not keep orders longer. */
const orderSecondsMax = 32 * 24 * 3_600;

/**
 * Signed by the provider: lets `relay` make exactly these claims while this device is offline, for `feePerClaim` units
 * each. Jobs in it are claimed at once, so they must be finished first.
 * @throws `batch-empty`, `batch-too-long`, `bad-terms`, `bad-voucher`, `order-repeats`, `bad-fee`, `bad-address`,
 * `bad-time`, `not-allowed` for claims of another signer, `order-expired`, `order-too-long`, and those of the wallet.
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
    /** Null allows any relay, first come, first served. */
    readonly relay: Address | null;
    readonly feePerClaim: bigint;
    readonly validBefore: number;
  },
  options: AbortOptions = {},
): Promise<SignedClaimOrder> {
  const parsed = checkClaims(claims);
  checkFee(feePerClaim);
  checkSeconds('validBefore', validBefore);
  if (parsed.some(({ channel }) => channel.providerSigner !== wallet.address)) {
    throw payError('not-allowed', { details: { signer: wallet.address } });
  }
  const order = {
    providerSigner: wallet.address,
    relay: relay === null ? zeroAddress : parseAddress('relay', relay),
    feePerClaim,
    validBefore,
    claimsHash: hashClaims(parsed),
  } as const;
  checkTime(validBefore, (await chain.head(options)).timestamp);
  const signature = await wallet.signTypedData(claimOrderData(chain.entry, order), options);
  return { order, claims: parsed, signature };
}

/**
 * Whether `relay` may use this order at `now` (Unix seconds).
 * @throws `batch-empty`, `batch-too-long`, `bad-terms`, `bad-voucher`, `order-repeats`, `bad-fee`, `bad-time`,
 * `order-expired`, `order-too-long`, `wrong-relay`, `token-unsupported`, `order-mismatch`, `bad-signature`.
 */
export async function checkClaimOrder(
  chain: DeployedChain,
  signed: SignedClaimOrder,
  { relay, now }: { readonly relay: Address; readonly now: number },
): Promise<void> {
  const parsed = checkOrderForm(signed);
  const { order, signature } = signed;
  checkTime(order.validBefore, now);
  if (order.relay !== zeroAddress && order.relay !== relay) {
    throw payError('wrong-relay', { details: { expected: order.relay, given: relay } });
  }
  for (const { channel } of parsed) checkToken(chain, channel);
  const isForeign = parsed.some(({ channel }) => channel.providerSigner !== order.providerSigner);
  if (isForeign || hashClaims(parsed) !== order.claimsHash) throw payError('order-mismatch');
  await checkTypedSignature(order.providerSigner, claimOrderData(chain, order), signature);
}

/** Checks everything about an order that does not depend on time. @returns its claims, normalised. */
export function checkOrderForm({ order, claims }: SignedClaimOrder): readonly Claim[] {
  const parsed = checkClaims(claims);
  checkFee(order.feePerClaim);
  checkSeconds('validBefore', order.validBefore);
  return parsed;
}

/**
 * Normalises the claims and refuses duplicates: only one voucher per channel is paid, but each would be counted as
 * earning the fee.
 */
function checkClaims(claims: readonly Claim[]): readonly Claim[] {
  checkBatch(claims);
  const named = new Set<string>();
  return claims.map(({ channel, cumulativeAmount, signature }) => {
    const terms = parseTerms(channel);
    const channelId = channelIdOf(terms);
    if (cumulativeAmount <= 0n || cumulativeAmount > voucherUnitsMax || !isBytes(signature)) {
      throw payError('bad-voucher', { details: { channelId } });
    }
    if (named.has(channelId)) throw payError('order-repeats', { details: { channelId } });
    named.add(channelId);
    return { channel: terms, cumulativeAmount, signature };
  });
}

function checkFee(feePerClaim: bigint): void {
  if (feePerClaim >= 0n && feePerClaim <= voucherUnitsMax) return;
  throw payError('bad-fee', { details: { minimum: 0n, maximum: voucherUnitsMax, given: feePerClaim } });
}

function checkTime(validBefore: number, now: number): void {
  if (now >= validBefore) throw payError('order-expired', { details: { validBefore, now } });
  if (validBefore - now > orderSecondsMax) {
    throw payError('order-too-long', { details: { maximum: now + orderSecondsMax, given: validBefore } });
  }
}
