import type { AbortOptions } from '#lib/base/abort.ts';
import { voucherUnitsMax } from '../amount.ts';
import { providersCall } from '../chain/calls.ts';
import { checkFunding, checkFunds, type Funding } from '../deposit.ts';
import { parseAddress } from '../input.ts';
import type { Address, Chain, Mined, Wallet } from '../spec.ts';

export interface Bonding extends Funding {
  readonly provider: Address;
}

/**
 * Adds to a provider's stake. The provider has signed it; any account may send it.
 * @throws `bad-address`, `amount-zero`, `amount-too-large`, `bad-deposit`, `insufficient-funds`,
 * `authorization-used`, `authorization-expired`, `bad-signature`, those of sending.
 */
export async function bond(
  chain: Chain,
  sender: Wallet,
  { provider, amount, deposit }: Bonding,
  options: AbortOptions = {},
): Promise<Mined> {
  const owner = parseAddress('provider', provider);
  checkFunding({ amount, deposit }, voucherUnitsMax);
  const args = [owner, amount, deposit.authorization] as const;
  const call = providersCall(chain.entry, { functionName: 'bondWithAuthorization', args });
  await checkFunds(chain, { owner, amount }, options);
  return chain.transact(sender, call, options);
}
