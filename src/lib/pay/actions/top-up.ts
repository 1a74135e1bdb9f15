import type { AbortOptions } from '#lib/base/abort.ts';
import { checkAmount } from '../amount.ts';
import { channelsCall } from '../chain/calls.ts';
import { checkFunds } from '../deposit.ts';
import { payError } from '../errors.ts';
import type { Chain, ContractCall, DeployedChain, Mined, Wallet } from '../spec.ts';
import { isJob, parseTerms } from '../terms.ts';
import type { Opening } from './open.ts';

/**
 * Adds to an open session channel. An authorization is the payer's; approved tokens and permits are the sender's own,
 * and become the payer's.
 * @throws `amount-zero`, `amount-too-large`, `session-only`, `insufficient-funds`, `channel-missing`, `channel-closed`,
 * `withdrawal-pending`, and those of sending.
 */
export async function topUp(
  chain: Chain,
  sender: Wallet,
  { terms, amount, deposit }: Opening,
  options: AbortOptions = {},
): Promise<Mined> {
  const channel = parseTerms(terms);
  checkAmount(amount);
  if (isJob(channel)) throw payError('session-only');
  const owner = deposit.type === 'authorization' ? channel.payer : sender.address;
  await checkFunds(chain, { owner, amount }, options);
  return chain.transact(sender, topUpCall(chain.entry, { terms: channel, amount, deposit }), options);
}

function topUpCall(entry: DeployedChain, { terms, amount, deposit }: Opening): ContractCall {
  switch (deposit.type) {
    case 'authorization':
      return channelsCall(entry, {
        functionName: 'topUpWithAuthorization',
        args: [terms, amount, deposit.authorization],
      });
    case 'permit':
      return channelsCall(entry, { functionName: 'topUpWithPermit', args: [terms, amount, deposit.permit] });
    case 'approved':
      return channelsCall(entry, { functionName: 'topUp', args: [terms, amount] });
  }
}
