import type { AbortOptions } from '#lib/base/abort.ts';
import { channelUnitsMax } from './amount.ts';
import { payError } from './errors.ts';
import type { Chain, ChannelTerms, Hex, Voucher, Wallet } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { closeData } from './typed-data.ts';

/**
 * The provider's agreement to `finalAmount` as the final payout; with it, either side can close the channel at once.
 */
export interface Closure {
  readonly terms: ChannelTerms;
  readonly finalAmount: bigint;
  /** The provider signer's signature of the close message. */
  readonly providerSignature: Hex;
  /** The payer's voucher for exactly `finalAmount`; required if that exceeds the amount claimed. */
  readonly voucher: Voucher | null;
}

/**
 * Signs the provider's agreement. The signature never expires, so only `payee.agree` calls this, after storing the
 * agreement: signing elsewhere would give away later promises.
 * @throws `not-allowed` unless the wallet is the channel's provider signer, `final-amount-out-of-range`.
 */
export async function signClose(
  chain: Chain,
  wallet: Wallet,
  { terms, finalAmount, voucher }: Omit<Closure, 'providerSignature'>,
  options: AbortOptions = {},
): Promise<Closure> {
  if (wallet.address !== terms.providerSigner) {
    throw payError('not-allowed', { details: { expected: terms.providerSigner, given: wallet.address } });
  }
  checkFinal(finalAmount);
  const data = closeData(chain.entry, channelIdOf(terms), finalAmount);
  return { terms, finalAmount, voucher, providerSignature: await wallet.signTypedData(data, options) };
}

/** @throws `final-amount-out-of-range` for amounts no channel can hold. */
export function checkFinal(finalAmount: bigint): void {
  if (finalAmount < 0n || finalAmount > channelUnitsMax) {
    throw payError('final-amount-out-of-range', { details: { maximum: channelUnitsMax, given: finalAmount } });
  }
}
