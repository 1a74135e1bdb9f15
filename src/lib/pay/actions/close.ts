import type { AbortOptions } from '#lib/base/abort.ts';
import { channelUnitsMax } from '../amount.ts';
import { channelsCall } from '../chain/calls.ts';
import { payError } from '../errors.ts';
import { checkTypedSignature } from '../signature.ts';
import type { Chain, ChannelTerms, Hex, Mined, Voucher, Wallet } from '../spec.ts';
import { channelIdOf, parseTerms } from '../terms.ts';
import { closeData } from '../typed-data.ts';

/** The provider's agreement that `finalAmount` is all it gets: with it, either side ends the channel at once. */
export interface Closure {
  readonly terms: ChannelTerms;
  readonly finalAmount: bigint;
  /** Of the provider's signer, over the close message. */
  readonly providerSignature: Hex;
  /** The payer's promise of exactly `finalAmount`; needed when that is more than was claimed. */
  readonly voucher: Voucher | null;
}

/** The provider's part: signs that it wants no more. @throws `not-allowed` unless the wallet is the named signer. */
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

/**
 * Ends a channel at once by agreement; the rest goes back to the payer. Anybody may send it.
 * @throws `final-amount-out-of-range`, `bad-signature`, `wrong-channel`, `channel-missing`, `channel-closed`,
 * `deadline-passed`, and those of sending.
 */
export async function close(
  chain: Chain,
  sender: Wallet,
  { terms, finalAmount, providerSignature, voucher }: Closure,
  options: AbortOptions = {},
): Promise<Mined> {
  const channel = parseTerms(terms);
  const id = channelIdOf(channel);
  checkFinal(finalAmount);
  if (voucher && voucher.channelId !== id) throw payError('wrong-channel');
  await checkTypedSignature(channel.providerSigner, closeData(chain.entry, id, finalAmount), providerSignature);
  const args = [channel, finalAmount, voucher?.signature ?? '0x', providerSignature] as const;
  return chain.transact(sender, channelsCall(chain.entry, { functionName: 'close', args }), options);
}

function checkFinal(finalAmount: bigint): void {
  if (finalAmount < 0n || finalAmount > channelUnitsMax) {
    throw payError('final-amount-out-of-range', { details: { maximum: channelUnitsMax, given: finalAmount } });
  }
}
