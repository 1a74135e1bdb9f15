import type { AbortOptions } from '#lib/base/abort.ts';
import { voucherUnitsMax } from '../amount.ts';
import { providersCall } from '../chain/calls.ts';
import { checkFunding, checkFunds, fundingCall, type Funding } from '../deposit.ts';
import { payError } from '../errors.ts';
import { parseAddress } from '../input.ts';
import type { Address, Chain, Mined, Wallet } from '../spec.ts';

export interface Bonding extends Funding {
  readonly provider: Address;
}

/**
 * Adds to a provider's stake. With the provider's authorization, any account may send it.
 * @throws `bad-address`, `amount-zero`, `amount-too-large`, `bad-deposit`, `not-allowed`, `insufficient-funds`,
 * `authorization-used`, `authorization-expired`, `bad-signature`, `allowance-too-small`, those of sending.
 */
export async function bond(
  chain: Chain,
  sender: Wallet,
  { provider, amount, deposit }: Bonding,
  options: AbortOptions = {},
): Promise<Mined> {
  const owner = parseAddress('provider', provider);
  checkFunding({ amount, deposit }, voucherUnitsMax);
  if (deposit.type !== 'authorization' && sender.address !== owner) {
    throw payError('not-allowed', { details: { expected: owner, sender: sender.address } });
  }
  const args = { byAnybody: [owner, amount], bySender: [amount] } as const;
  const call = providersCall(chain.entry, fundingCall('bond', deposit, args));
  await checkFunds(chain, { owner, amount }, options);
  return chain.transact(sender, call, options);
}
