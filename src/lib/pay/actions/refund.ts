import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { payError } from '../errors.ts';
import type { Chain, ChannelTerms, Mined, Wallet } from '../spec.ts';
import { isJob, parseTerms } from '../terms.ts';
import { withReturned } from './withdraw.ts';

/**
 * Returns an unclaimed job deposit to the payer, from the second after its deadline. Any account may send it.
 * @throws `job-only`, `too-early`, `channel-missing`, `channel-closed`, and those of sending.
 */
export async function refund(
  chain: Chain,
  sender: Wallet,
  terms: ChannelTerms,
  options: AbortOptions = {},
): Promise<Mined & { readonly returned: bigint }> {
  const channel = parseTerms(terms);
  if (!isJob(channel)) throw payError('job-only');
  return withReturned(
    await chain.transact(sender, channelsCall(chain.entry, { functionName: 'refund', args: [channel] }), options),
  );
}
