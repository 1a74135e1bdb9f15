import { encodeFunctionData } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { checkAmount, voucherUnitsMax } from '../amount.ts';
import { payError } from '../errors.ts';
import type { Address, Chain, Mined, Wallet } from '../spec.ts';

/**
 * Lets one of the contracts fetch exactly `amount` from the sender: the way in for wallets that cannot sign typed data.
 * @throws `amount-zero`, `amount-too-large`, `not-allowed` for any other spender, and those of sending.
 */
export async function approve(
  chain: Chain,
  sender: Wallet,
  { spender, amount }: { readonly spender: Address; readonly amount: bigint },
  options: AbortOptions = {},
): Promise<Mined> {
  checkAmount(amount, voucherUnitsMax);
  const { contracts, token } = chain.entry;
  if (!Object.values(contracts).includes(spender)) throw payError('not-allowed', { details: { spender } });
  const data = encodeFunctionData({ abi: testUsdcAbi, functionName: 'approve', args: [spender, amount] });
  return chain.transact(sender, { to: token.address, data }, options);
}
