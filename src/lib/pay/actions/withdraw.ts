import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { payError } from '../errors.ts';
import type { Chain, ChannelTerms, Mined, Wallet } from '../spec.ts';
import { isJob, parseTerms } from '../terms.ts';

/**
 * Returns the unclaimed balance to the payer, from the announced second on. Any account may send it.
 * @throws `session-only`, `withdrawal-not-announced`, `too-early`, `channel-missing`, `channel-closed`, and those of
 * sending.
 */
export async function withdraw(
  chain: Chain,
  sender: Wallet,
  terms: ChannelTerms,
  options: AbortOptions = {},
): Promise<Mined & { readonly returned: bigint }> {
  const channel = parseTerms(terms);
  if (isJob(channel)) throw payError('session-only');
  return withReturned(
    await chain.transact(sender, channelsCall(chain.entry, { functionName: 'withdraw', args: [channel] }), options),
  );
}

/** Adds the amount a closing transaction returned to the payer. */
export function withReturned(mined: Mined): Mined & { readonly returned: bigint } {
  const closed = mined.events.find((event) => event.type === 'closed');
  return { ...mined, returned: closed?.returned ?? 0n };
}
