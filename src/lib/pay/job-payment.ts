import { checkAmount } from './amount.ts';
import type { Address, ChannelId, ChannelTerms } from './spec.ts';
import { payError } from './errors.ts';
import type { Payer } from './payer.ts';
import type { Payment } from './ports.ts';
import { asSent } from './terms.ts';

/** A channel that is used once: its payer set the most aside that one job may cost, and this device's key promises out of it. */
export interface JobChannel {
  readonly chain: number;
  readonly id: ChannelId;
  readonly terms: ChannelTerms;
}

/**
 * Pays for one job out of a channel of its own. The payer has to know the channel as open. What an attempt before this one has promised stays promised:
 * the totals of this one come on top.
 * @throws `provider-mismatch` for a payout to somebody else, `over-budget` where the channel has less left, `wrong-channel`.
 */
export async function payFromJobChannel(
  payer: Pick<Payer, 'state' | 'promise' | 'doubt'>,
  { chain, id, terms }: JobChannel,
  {
    payout,
    budget,
  }: {
    readonly payout: { readonly chain: number; readonly provider: Address; readonly providerSigner: Address };
    readonly budget: bigint;
  },
): Promise<Payment> {
  checkAmount(budget);
  const sent = asSent(terms);
  if (payout.chain !== chain || payout.provider !== sent.provider || payout.providerSigner !== sent.providerSigner) {
    throw payError('provider-mismatch', { details: { provider: payout.provider, expected: sent.provider } });
  }
  const { balance, promised: base } = await payer.state(id);
  if (base + budget > balance) throw payError('over-budget', { details: { budget: balance - base, given: budget } });
  let promised = 0n;
  let isOver = false;
  return {
    chain,
    terms: sent,
    channelId: id,
    promised: () => promised,
    async promise(wanted) {
      if (isOver) throw payError('payment-ended');
      checkAmount(wanted);
      if (wanted > budget) throw payError('over-budget', { details: { budget, given: wanted } });
      const total = wanted > promised ? wanted : promised;
      const voucher = await payer.promise(id, base + total);
      if (total > promised) promised = total;
      return voucher;
    },
    end(channel) {
      isOver = true;
      if (channel) payer.doubt(id);
    },
  };
}
