import type { AbortOptions } from '#lib/base/abort.ts';
import { settle } from './actions/settle.ts';
import { signSettleOrder } from './actions/settle-for.ts';
import { payError } from './errors.ts';
import type { Chain, Hex, Wallet } from './spec.ts';
import type { Sponsor } from './sponsor.ts';

/** An order to settle is void after this time. */
const orderSeconds = 3_600;

/**
 * Pays a payee everything that it is owed: by itself with gas, or through a sponsor for a fee out of it.
 * @returns null where nothing is owed; otherwise what arrived, in units.
 * @throws `sponsor-too-dear` where the fee takes more than a half, and those of settling.
 */
export async function payOut(
  chain: Chain,
  wallet: Wallet,
  sender: Wallet | Pick<Sponsor, 'quote' | 'settle'>,
  options: AbortOptions = {},
): Promise<{ readonly hash: Hex; readonly amount: bigint } | null> {
  if (!('quote' in sender)) return settle(chain, sender, wallet.address, options);
  const owed = await chain.owed(wallet.address, options);
  if (owed === 0n) return null;
  const sponsorship = await sender.quote('settle', options);
  const payeeMin = owed - sponsorship.fee;
  if (payeeMin < sponsorship.fee) {
    throw payError('sponsor-too-dear', { details: { maximum: owed / 2n, given: sponsorship.fee } });
  }
  const { timestamp } = await chain.head(options);
  const order = { sponsorship, payeeMin, validBefore: timestamp + orderSeconds };
  return sender.settle(await signSettleOrder(chain, wallet, order, options), options);
}
