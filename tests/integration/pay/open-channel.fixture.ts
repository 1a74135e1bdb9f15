import { systemRandom } from '#lib/base/random.ts';
import { announceWithdrawalFor, signWithdrawal } from '#lib/pay/actions/announce-withdrawal.ts';
import { open } from '#lib/pay/actions/open.ts';
import { signAuthorization } from '#lib/pay/deposit.ts';
import type { Chain, ChannelId, ChannelTerms, Claim, Hex } from '#lib/pay/spec.ts';
import type { Sponsorship } from '#lib/pay/sponsorship.ts';
import { channelIdOf, sessionTerms } from '#lib/pay/terms.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import type { Person } from './chain.fixture.ts';

/** A session channel from one person to another, open with `amount` units; the payer's own key signs vouchers. */
export async function openSessionChannel(
  chain: Chain,
  payer: Person,
  provider: Person,
  amount: bigint,
): Promise<{ readonly terms: ChannelTerms; readonly id: ChannelId }> {
  const terms = sessionTerms(systemRandom, partiesOf(chain, payer, provider));
  const id = channelIdOf(terms);
  const deposit = await signDeposit(chain, payer, id, amount);
  await open(chain, payer.wallet, { terms, amount, deposit });
  return { terms, id };
}

export const partiesOf = (chain: Chain, payer: Person, provider: Person) => ({
  payer: payer.address,
  payerSigner: payer.address,
  provider: provider.address,
  providerSigner: provider.address,
  token: chain.entry.token.address,
});

/** The payer's signature for one purpose, good for an hour of the chain's time. */
export async function signDeposit(
  chain: Chain,
  payer: Person,
  subject: Hex,
  amount: bigint,
  to?: Hex,
  sponsorship?: Sponsorship,
) {
  const { timestamp } = await chain.head();
  const terms = { subject, to: to ?? chain.entry.contracts.channels, amount, validBefore: timestamp + 3_600 };
  return signAuthorization(
    { chain, wallet: payer.wallet, random: systemRandom },
    sponsorship ? { ...terms, sponsorship } : terms,
  );
}

/** Announces a withdrawal as its payer. */
export const announce = async (chain: Chain, payer: Person, terms: ChannelTerms) =>
  announceWithdrawalFor(chain, payer.wallet, { terms, signature: await signWithdrawal(chain, payer.wallet, terms) });

export async function claimOf(chain: Chain, payer: Person, terms: ChannelTerms, amount: bigint): Promise<Claim> {
  const voucher = await createVoucherSigner(chain.entry).sign(payer.key, channelIdOf(terms), amount);
  return { channel: terms, cumulativeAmount: amount, signature: voucher.signature };
}
