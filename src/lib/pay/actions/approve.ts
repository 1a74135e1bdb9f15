import type { AbortOptions } from '#lib/base/abort.ts';
import { checkAmount, voucherUnitsMax } from '../amount.ts';
import { tokenCall } from '../chain/calls.ts';
import { payError } from '../errors.ts';
import { parseAddress } from '../input.ts';
import type { Address, Chain, Mined, Wallet } from '../spec.ts';

/**
 * Approves exactly `amount` of the sender's tokens for one of the contracts. For wallets that cannot sign typed data.
 * @throws `amount-zero`, `amount-too-large`, `bad-address`, `not-allowed` for any other spender, and those of sending.
 */
export async function approve(
  chain: Chain,
  sender: Wallet,
  { spender, amount }: { readonly spender: Address; readonly amount: bigint },
  options: AbortOptions = {},
): Promise<Mined> {
  checkAmount(amount, voucherUnitsMax);
  const contract = parseAddress('spender', spender);
  if (!Object.values(chain.entry.contracts).includes(contract)) {
    throw payError('not-allowed', { details: { spender: contract } });
  }
  const call = tokenCall(chain.entry, { functionName: 'approve', args: [contract, amount] });
  return chain.transact(sender, call, options);
}
