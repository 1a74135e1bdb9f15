import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { checkFunding, checkFunds, sponsorshipOf, type Funding } from '../deposit.ts';
import { checkToken } from '../input.ts';
import type { Chain, ChannelId, ChannelTerms, Mined, Wallet } from '../spec.ts';
import { channelIdOf, parseTerms } from '../terms.ts';

export interface Opening extends Funding {
  readonly terms: ChannelTerms;
}

/**
 * Opens a channel, in session or job mode, with its first deposit. Any account may send it, so a wallet
 * without gas signs once and a relay or the session key sends it.
 * @throws `bad-terms`, `amount-zero`, `amount-too-large`, `fee-too-large`, `bad-deposit`, `token-unsupported`,
 * `insufficient-funds`, `channel-exists`, `authorization-used`, `authorization-expired`, `bad-signature`, and those of
 * sending.
 */
export async function open(
  chain: Chain,
  sender: Wallet,
  { terms, amount, deposit }: Opening,
  options: AbortOptions = {},
): Promise<Mined & { readonly channelId: ChannelId }> {
  const channel = parseTerms(terms);
  checkFunding({ amount, deposit });
  checkToken(chain.entry, channel);
  const args = [channel, amount, sponsorshipOf(deposit), deposit.authorization] as const;
  const call = channelsCall(chain.entry, { functionName: 'openWithAuthorization', args });
  await checkFunds(chain, { owner: channel.payer, amount }, options);
  return { ...(await chain.transact(sender, call, options)), channelId: channelIdOf(channel) };
}
