import type { AbortOptions } from '#lib/base/abort.ts';
import { channelUnitsMax } from './amount.ts';
import { payError } from './errors.ts';
import type { Chain, ChannelTerms, Hex, Voucher, Wallet } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { closeData } from './typed-data.ts';

/** The provider's agreement that `finalAmount` is all it gets: with it, either side ends the channel at once. */
export interface Closure {
  readonly terms: ChannelTerms;
  readonly finalAmount: bigint;
  /** Of the provider's signer, over the close message. */
  readonly providerSignature: Hex;
  /** The payer's promise of exactly `finalAmount`; needed when that is more than was claimed. */
  readonly voucher: Voucher | null;
}

/**
 * Signs that the provider wants no more. The signature never runs out, so `payee.agree` alone calls this, once the
 * agreement is stored: whoever signs beside it gives away what is promised later.
 * @throws `not-allowed` unless the wallet is the named signer, `final-amount-out-of-range`.
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

/** @throws `final-amount-out-of-range` for what no channel can hold. */
export function checkFinal(finalAmount: bigint): void {
  if (finalAmount < 0n || finalAmount > channelUnitsMax) {
    throw payError('final-amount-out-of-range', { details: { maximum: channelUnitsMax, given: finalAmount } });
  }
}
