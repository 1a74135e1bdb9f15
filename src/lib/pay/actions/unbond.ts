import type { AbortOptions } from '#lib/base/abort.ts';
import { checkAmount, voucherUnitsMax } from '../amount.ts';
import { providersCall } from '../chain/calls.ts';
import type { Chain, Mined, Wallet } from '../spec.ts';

/**
 * Starts unbonding part of the sender's stake. The period restarts for anything already unbonding.
 * @throws `amount-zero`, `amount-too-large`, `stake-too-small`, and those of sending.
 */
export async function unbond(
  chain: Chain,
  sender: Wallet,
  amount: bigint,
  options: AbortOptions = {},
): Promise<Mined & { readonly withdrawableAt: number }> {
  checkAmount(amount, voucherUnitsMax);
  const call = providersCall(chain.entry, { functionName: 'unbond', args: [amount] });
  const mined = await chain.transact(sender, call, options);
  const started = mined.events.find((event) => event.type === 'unbonding-started');
  return { ...mined, withdrawableAt: started?.at ?? 0 };
}
