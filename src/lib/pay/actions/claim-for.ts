import { decodeFunctionResult } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsAbi } from '#contracts/channels.ts';
import { channelsCall } from '../chain/calls.ts';
import { checkClaimOrder, checkOrderForm } from '../claim-order.ts';
import { payError } from '../errors.ts';
import { checkToken } from '../input.ts';
import type { Chain, SignedClaimOrder, Wallet } from '../spec.ts';
import { readClaims, type Claimed } from './claim.ts';

/**
 * Makes an offline provider's claims on its signed order; the fee is credited to the sender.
 * @throws those of `checkClaimOrder`, `nothing-to-claim` if every claim would be skipped, and those of sending.
 */
export async function claimFor(
  chain: Chain,
  sender: Wallet,
  signed: SignedClaimOrder,
  options: AbortOptions = {},
): Promise<Claimed & { readonly fee: bigint }> {
  for (const { channel } of checkOrderForm(signed)) checkToken(chain.entry, channel);
  const { timestamp } = await chain.head(options);
  await checkClaimOrder(chain.entry, signed, { relay: sender.address, now: timestamp });
  const args = [signed.claims, signed.order, signed.signature] as const;
  const call = channelsCall(chain.entry, { functionName: 'claimFor', args });
  const data = await chain.simulate(sender.address, call, options);
  if (decodeFunctionResult({ abi: channelsAbi, functionName: 'claimFor', data }) === 0n)
    throw payError('nothing-to-claim');
  const claimed = readClaims(await chain.transact(sender, call, options), []);
  const fees = claimed.events.map((event) => (event.type === 'relay-paid' ? event.amount : 0n));
  return { ...claimed, fee: fees.reduce((sum, fee) => sum + fee, 0n) };
}
