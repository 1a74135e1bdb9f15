import type { AbortOptions } from '#lib/base/abort.ts';
import { channelsCall } from '../chain/calls.ts';
import { payError } from '../errors.ts';
import { checkToken } from '../input.ts';
import { checkTypedSignature, digestOf, isSignedBy } from '../signature.ts';
import type { Chain, ChannelTerms, Hex, Mined, Wallet } from '../spec.ts';
import { parseSponsorship, type Sponsorship } from '../sponsorship.ts';
import { channelIdOf, isJob, parseTerms } from '../terms.ts';
import { withdrawalData } from '../typed-data.ts';

/**
 * Signs a withdrawal announcement as the payer or its signer, for another account to send; needs no gas. A fee is paid when
 * the money leaves, out of what is unclaimed then.
 * @throws `bad-terms`, `bad-address`, `bad-fee`, `session-only`, `not-payer` unless the wallet is the channel's payer or
 * payer signer, and those of the wallet.
 */
export async function signWithdrawal(
  chain: Chain,
  wallet: Wallet,
  terms: ChannelTerms,
  { sponsorship, ...options }: AbortOptions & { readonly sponsorship?: Sponsorship } = {},
): Promise<Hex> {
  const channel = parseTerms(terms);
  const reward = parseSponsorship(sponsorship);
  if (isJob(channel)) throw payError('session-only');
  if (wallet.address !== channel.payer && wallet.address !== channel.payerSigner) {
    throw payError('not-payer', { details: { expected: channel.payerSigner, given: wallet.address } });
  }
  return wallet.signTypedData(withdrawalData(chain.entry, channelIdOf(channel), reward), options);
}

/** A signed announcement, with what it pays whoever submits it. */
export interface SignedWithdrawal {
  readonly terms: ChannelTerms;
  readonly sponsorship?: Sponsorship;
  readonly signature: Hex;
}

/**
 * Announces a withdrawal for whoever signed it, which starts its delay and cannot be undone.
 * @throws `bad-terms`, `bad-address`, `bad-fee`, `session-only`, `token-unsupported`, `bad-signature`, `fee-too-large` if less than
 * the fee is unclaimed, `withdrawal-pending`, `channel-missing`, `channel-closed`, and those of sending.
 */
export async function announceWithdrawalFor(
  chain: Chain,
  sender: Wallet,
  { terms, sponsorship, signature }: SignedWithdrawal,
  options: AbortOptions = {},
): Promise<Mined & { readonly withdrawableAt: number }> {
  const channel = parseTerms(terms);
  const reward = parseSponsorship(sponsorship);
  if (isJob(channel)) throw payError('session-only');
  checkToken(chain.entry, channel);
  const data = withdrawalData(chain.entry, channelIdOf(channel), reward);
  if (!(await isSignedBy(channel.payer, digestOf(data), signature))) {
    await checkTypedSignature(channel.payerSigner, data, signature);
  }
  const call = channelsCall(chain.entry, { functionName: 'announceWithdrawalFor', args: [channel, reward, signature] });
  const mined = await chain.transact(sender, call, options);
  const announced = mined.events.find((event) => event.type === 'withdrawal-announced');
  return { ...mined, withdrawableAt: announced?.withdrawableAt ?? 0 };
}
