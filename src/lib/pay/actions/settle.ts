import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { parseAddress } from '../input.ts';
import type { Address, Chain, Mined, Wallet } from '../spec.ts';

/**
 * Pays out everything `payee` is owed, to `payee`, whichever account sends it. Returns null without sending if nothing
 * is owed, so that calling it twice is harmless. @throws `bad-address`, `token-refused`, and those of sending.
 */
export async function settle(
  chain: Chain,
  sender: Wallet,
  payee: Address,
  options: AbortOptions = {},
): Promise<(Mined & { readonly amount: bigint }) | null> {
  const to = parseAddress('payee', payee);
  const call = channelsCall(chain.entry, { functionName: 'settle', args: [chain.entry.token.address, to] });
  if ((await chain.owed(to, options)) === 0n) return null;
  const mined = await chain.transact(sender, call, options);
  const paid = mined.events.find((event) => event.type === 'settled');
  return { ...mined, amount: paid?.amount ?? 0n };
}
