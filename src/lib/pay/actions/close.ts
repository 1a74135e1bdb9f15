import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { checkFinal, type Closure } from '../closure.ts';
import { payError } from '../errors.ts';
import { checkTypedSignature, isKeySignature } from '../signature.ts';
import type { Chain, Mined, Wallet } from '../spec.ts';
import { channelIdOf, parseTerms } from '../terms.ts';
import { closeData } from '../typed-data.ts';

/**
 * Closes a channel at once by mutual agreement; the remainder returns to the payer. Any account may send it.
 * @throws `bad-terms`, `final-amount-out-of-range`, `bad-signature`, `wrong-channel`, `channel-missing`, `channel-closed`,
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
  if (voucher && !isKeySignature(voucher.signature))
    throw payError('bad-signature', { details: { message: 'Voucher' } });
  await checkTypedSignature(channel.providerSigner, closeData(chain.entry, id, finalAmount), providerSignature);
  const args = [channel, finalAmount, voucher?.signature ?? '0x', providerSignature] as const;
  return chain.transact(sender, channelsCall(chain.entry, { functionName: 'close', args }), options);
}
