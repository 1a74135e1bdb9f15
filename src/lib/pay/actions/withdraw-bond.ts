import type { AbortOptions } from '#lib/base/abort.ts';
import { providersCall } from '../chain/calls.ts';
import { parseAddress } from '../input.ts';
import type { Address, Chain, Mined, Wallet } from '../spec.ts';

/**
 * Pays a provider the stake that has finished unbonding. Any account may send it.
 * @throws `bad-address`, `nothing-unbonding`, `unbonding-not-over`, `stake-locked`, and those of sending.
 */
export async function withdrawBond(
  chain: Chain,
  sender: Wallet,
  provider: Address,
  options: AbortOptions = {},
): Promise<Mined & { readonly amount: bigint }> {
  const owner = parseAddress('provider', provider);
  const call = providersCall(chain.entry, { functionName: 'withdrawBond', args: [owner] });
  const mined = await chain.transact(sender, call, options);
  const left = mined.events.find((event) => event.type === 'unbonded');
  return { ...mined, amount: left?.amount ?? 0n };
}
