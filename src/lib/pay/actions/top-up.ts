import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { checkFunding, checkFunds, fundingCall, sponsorshipOf } from '../deposit.ts';
import { payError } from '../errors.ts';
import type { Chain, Mined, Wallet } from '../spec.ts';
import { isJob, parseTerms } from '../terms.ts';
import type { Opening } from './open.ts';

/**
 * Adds to the deposit of an open session channel. An authorization is signed by the payer; approved tokens and permits
 * are the sender's, who gives them to the payer.
 * @throws `bad-terms`, `amount-zero`, `amount-too-large`, `fee-too-large`, `bad-deposit`, `session-only`, `insufficient-funds`,
 * `channel-missing`, `channel-closed`, `withdrawal-pending`, and those of sending.
 */
export async function topUp(
  chain: Chain,
  sender: Wallet,
  { terms, amount, deposit }: Opening,
  options: AbortOptions = {},
): Promise<Mined> {
  const channel = parseTerms(terms);
  checkFunding({ amount, deposit });
  if (isJob(channel)) throw payError('session-only');
  const owner = deposit.type === 'authorization' ? channel.payer : sender.address;
  const args = [channel, amount] as const;
  const byAnybody = [...args, sponsorshipOf(deposit)] as const;
  const call = channelsCall(chain.entry, fundingCall('topUp', deposit, { byAnybody, bySender: args }));
  await checkFunds(chain, { owner, amount }, options);
  return chain.transact(sender, call, options);
}
