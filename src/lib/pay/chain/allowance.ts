import { hexToBigInt } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Address, Chain } from '../spec.ts';
import { tokenCall } from './calls.ts';

/** Units of `owner` that `spender` may take. */
export async function readAllowance(
  chain: Chain,
  { owner, spender }: { readonly owner: Address; readonly spender: Address },
  options: AbortOptions = {},
): Promise<bigint> {
  const call = tokenCall(chain.entry, { functionName: 'allowance', args: [owner, spender] });
  const answer = await chain.simulate(owner, call, options);
  return answer === '0x' ? 0n : hexToBigInt(answer);
}
