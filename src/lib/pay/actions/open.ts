import type { AbortOptions } from '#lib/base/abort.ts';
import { checkAmount } from '../amount.ts';
import { channelsCall } from '../chain/calls.ts';
import { checkFunds, type Deposit } from '../deposit.ts';
import { payError } from '../errors.ts';
import type { Chain, ChannelId, ChannelTerms, ContractCall, DeployedChain, Mined, Wallet } from '../spec.ts';
import { channelIdOf, parseTerms } from '../terms.ts';

export interface Opening {
  readonly terms: ChannelTerms;
  readonly amount: bigint;
  readonly deposit: Deposit;
}

/**
 * Opens a channel, in session or in job mode, with its first deposit. With an authorization anybody may send it, so a
 * wallet without gas signs once and a relay or the session key sends.
 * @throws `bad-terms`, `amount-zero`, `amount-too-large`, `token-unsupported`, `not-payer`, `insufficient-funds`,
 * `channel-exists`, `authorization-used`, `authorization-expired`, `bad-signature`, and those of sending.
 */
export async function open(
  chain: Chain,
  sender: Wallet,
  { terms, amount, deposit }: Opening,
  options: AbortOptions = {},
): Promise<Mined & { readonly channelId: ChannelId }> {
  const channel = parseTerms(terms);
  checkAmount(amount);
  if (channel.token !== chain.entry.token.address) {
    throw payError('token-unsupported', { details: { expected: chain.entry.token.address, given: channel.token } });
  }
  if (deposit.type !== 'authorization' && sender.address !== channel.payer) {
    throw payError('not-payer', { details: { expected: channel.payer, sender: sender.address } });
  }
  await checkFunds(chain, { owner: channel.payer, amount }, options);
  const mined = await chain.transact(sender, openCall(chain.entry, channel, amount, deposit), options);
  return { ...mined, channelId: channelIdOf(channel) };
}

function openCall(entry: DeployedChain, channel: ChannelTerms, amount: bigint, deposit: Deposit): ContractCall {
  switch (deposit.type) {
    case 'authorization':
      return channelsCall(entry, {
        functionName: 'openWithAuthorization',
        args: [channel, amount, deposit.authorization],
      });
    case 'permit':
      return channelsCall(entry, { functionName: 'openWithPermit', args: [channel, amount, deposit.permit] });
    case 'approved':
      return channelsCall(entry, { functionName: 'open', args: [channel, amount] });
  }
}
