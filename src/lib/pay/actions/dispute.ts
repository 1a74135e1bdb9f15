import { zeroHash } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { checkAmount, voucherUnitsMax } from '../amount.ts';
import { readAllowance } from '../chain/allowance.ts';
import { disputesCall, tokenCall } from '../chain/calls.ts';
import { counterBondOf } from '../court-shares.ts';
import type { Accusation } from '../court.ts';
import { checkFunds } from '../deposit.ts';
import { payError } from '../errors.ts';
import { checkDisputeId, parseAddress } from '../input.ts';
import type { Address, Chain, Hex, Mined, Wallet } from '../spec.ts';
import { bytes32Schema } from '../terms.ts';

/**
 * Challenges one job of a provider. The counter-bond is approved first, exactly, where it is not yet.
 * @throws `bad-address`, `receipt-hash-missing`, `amount-zero`, `amount-too-large`, `insufficient-funds`, `court-closed`,
 * `penalty-out-of-range`, `receipt-decided`, and those of sending.
 */
export async function openDispute(
  chain: Chain,
  challenger: Wallet,
  { provider, receiptHash, penalty }: Accusation,
  options: AbortOptions = {},
): Promise<Mined & { readonly id: bigint }> {
  const accused = parseAddress('provider', provider);
  const hash = parseHash(receiptHash, 'receipt-hash-missing');
  checkAmount(penalty, voucherUnitsMax);
  const call = disputesCall(chain.entry, { functionName: 'open', args: [accused, hash, penalty] });
  await putDown(chain, challenger, counterBondOf(penalty), options);
  const mined = await chain.transact(challenger, call, options);
  const opened = mined.events.find((event) => event.type === 'dispute-opened');
  if (!opened) throw payError('transaction-reverted', { details: { hash: mined.hash } });
  return { ...mined, id: opened.disputeId };
}

/**
 * The provider's answer by its hash, which opens the vote.
 * @throws `answer-missing`, `not-provider`, `wrong-phase`, `window-over`, `dispute-missing`, and those of sending.
 */
export async function answerDispute(
  chain: Chain,
  provider: Wallet,
  { id, answerHash }: { readonly id: bigint; readonly answerHash: Hex },
  options: AbortOptions = {},
): Promise<Mined> {
  const args = [checkDisputeId(id), parseHash(answerHash, 'answer-missing')] as const;
  return chain.transact(provider, disputesCall(chain.entry, { functionName: 'answer', args }), options);
}

/**
 * The provider's appeal, with `bond` units as large as the dispute's counter-bond.
 * @throws `not-provider`, `wrong-phase`, `window-over`, `dispute-missing`, `insufficient-funds`, and those of sending.
 */
export async function appealDispute(
  chain: Chain,
  provider: Wallet,
  { id, bond }: { readonly id: bigint; readonly bond: bigint },
  options: AbortOptions = {},
): Promise<Mined> {
  const call = disputesCall(chain.entry, { functionName: 'appeal', args: [checkDisputeId(id)] });
  checkAmount(bond, voucherUnitsMax);
  await putDown(chain, provider, bond, options);
  return chain.transact(provider, call, options);
}

/** Moves a dispute on; anybody may. @throws `window-open`, `wrong-phase`, `dispute-missing`, and those of sending. */
export async function concludeDispute(
  chain: Chain,
  sender: Wallet,
  id: bigint,
  options: AbortOptions = {},
): Promise<Mined> {
  const call = disputesCall(chain.entry, { functionName: 'conclude', args: [checkDisputeId(id)] });
  return chain.transact(sender, call, options);
}

/** Pays out what an account is owed by disputes; anybody may. @throws `bad-address`, and those of sending. */
export async function collectAward(
  chain: Chain,
  sender: Wallet,
  payee: Address,
  options: AbortOptions = {},
): Promise<Mined & { readonly amount: bigint }> {
  const call = disputesCall(chain.entry, { functionName: 'collect', args: [parseAddress('payee', payee)] });
  const mined = await chain.transact(sender, call, options);
  const collected = mined.events.find((event) => event.type === 'award-collected');
  return { ...mined, amount: collected?.amount ?? 0n };
}

function parseHash(hash: Hex, missing: 'receipt-hash-missing' | 'answer-missing'): Hex {
  const parsed = bytes32Schema.safeParse(hash);
  if (!parsed.success || parsed.data === zeroHash) throw payError(missing);
  return parsed.data;
}

/** Lets the dispute contract take `amount` of the wallet's tokens, by one transaction where it may not yet. */
async function putDown(chain: Chain, wallet: Wallet, amount: bigint, options: AbortOptions): Promise<void> {
  await checkFunds(chain, { owner: wallet.address, amount }, options);
  const spender = chain.entry.contracts.disputes;
  if ((await readAllowance(chain, { owner: wallet.address, spender }, options)) >= amount) return;
  await chain.transact(wallet, tokenCall(chain.entry, { functionName: 'approve', args: [spender, amount] }), options);
}
