import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { checkFunding, checkFunds, sponsorshipOf } from '../deposit.ts';
import { payError } from '../errors.ts';
import { checkToken } from '../input.ts';
import type { Chain, Mined, Wallet } from '../spec.ts';
import { isJob, parseTerms } from '../terms.ts';
import type { Opening } from './open.ts';

/**
 * Adds to the deposit of an open session channel. The payer has signed it; any account may send it.
 * @throws `bad-terms`, `amount-zero`, `amount-too-large`, `fee-too-large`, `bad-deposit`, `session-only`, `token-unsupported`,
 * `insufficient-funds`, `channel-missing`, `channel-closed`, `withdrawal-pending`, and those of sending.
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
  checkToken(chain.entry, channel);
  const args = [channel, amount, sponsorshipOf(deposit), deposit.authorization] as const;
  const call = channelsCall(chain.entry, { functionName: 'topUpWithAuthorization', args });
  await checkFunds(chain, { owner: channel.payer, amount }, options);
  return chain.transact(sender, call, options);
}
