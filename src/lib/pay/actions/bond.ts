import type { AbortOptions } from '#lib/base/abort.ts';
import { checkAmount, voucherUnitsMax } from '../amount.ts';
import { providersCall } from '../chain/calls.ts';
import { checkFunds, type Deposit } from '../deposit.ts';
import { payError } from '../errors.ts';
import type { Address, Chain, ContractCall, DeployedChain, Mined, Wallet } from '../spec.ts';

export interface Bonding {
  readonly provider: Address;
  readonly amount: bigint;
  readonly deposit: Deposit;
}

/**
 * Adds to a provider's stake. With the provider's authorization anybody may send it.
 * @throws `amount-zero`, `amount-too-large`, `not-allowed`, `insufficient-funds`, `authorization-used`,
 * `authorization-expired`, `bad-signature`, `allowance-too-small`, those of sending.
 */
export async function bond(
  chain: Chain,
  sender: Wallet,
  { provider, amount, deposit }: Bonding,
  options: AbortOptions = {},
): Promise<Mined> {
  checkAmount(amount, voucherUnitsMax);
  if (deposit.type !== 'authorization' && sender.address !== provider) {
    throw payError('not-allowed', { details: { expected: provider, sender: sender.address } });
  }
  await checkFunds(chain, { owner: provider, amount }, options);
  return chain.transact(sender, bondCall(chain.entry, { provider, amount, deposit }), options);
}

function bondCall(entry: DeployedChain, { provider, amount, deposit }: Bonding): ContractCall {
  switch (deposit.type) {
    case 'authorization':
      return providersCall(entry, {
        functionName: 'bondWithAuthorization',
        args: [provider, amount, deposit.authorization],
      });
    case 'permit':
      return providersCall(entry, { functionName: 'bondWithPermit', args: [amount, deposit.permit] });
    case 'approved':
      return providersCall(entry, { functionName: 'bond', args: [amount] });
  }
}
