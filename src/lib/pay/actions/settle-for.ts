import type { AbortOptions } from '#lib/base/abort.ts';
import { voucherUnitsMax } from '../amount.ts';
import { channelsCall } from '../chain/calls.ts';
import { payError } from '../errors.ts';
import { checkSeconds, parseAddress } from '../input.ts';
import { checkTypedSignature } from '../signature.ts';
import type { Chain, Hex, Mined, SettleOrder, Wallet } from '../spec.ts';
import { parseSponsorship, type Sponsorship } from '../sponsorship.ts';
import { settleOrderData } from '../typed-data.ts';

export interface SignedSettleOrder {
  readonly order: SettleOrder;
  readonly signature: Hex;
}

/**
 * Signs, as a payee without gas, that it may be paid out for a fee. The order is good once; a newer one with the same nonce
 * replaces it as soon as either is used.
 * @throws `bad-address`, `bad-fee`, `bad-time`, `chain-unavailable`, and those of the wallet.
 */
export async function signSettleOrder(
  chain: Chain,
  wallet: Wallet,
  {
    sponsorship,
    payeeMin,
    validBefore,
  }: { readonly sponsorship: Sponsorship; readonly payeeMin: bigint; readonly validBefore: number },
  options: AbortOptions = {},
): Promise<SignedSettleOrder> {
  const form = { ...sponsorship, payee: wallet.address, token: chain.entry.token.address, payeeMin, validBefore };
  checkForm({ ...form, nonce: 0n });
  const order = { ...form, nonce: await chain.settleNonce(wallet.address, options) };
  return { order, signature: await wallet.signTypedData(settleOrderData(chain.entry, order), options) };
}

/**
 * Pays a payee out on its signed order; the fee is credited to the sponsor.
 * @throws `bad-address`, `bad-fee`, `bad-time`, `token-unsupported`, `bad-signature`, `order-expired`, `order-used`,
 * `fee-too-large`, `payout-too-small`, `token-refused`, and those of sending.
 */
export async function settleFor(
  chain: Chain,
  sender: Wallet,
  { order, signature }: SignedSettleOrder,
  options: AbortOptions = {},
): Promise<Mined & { readonly amount: bigint }> {
  checkForm(order);
  const expected = chain.entry.token.address;
  if (order.token !== expected) throw payError('token-unsupported', { details: { expected, given: order.token } });
  await checkTypedSignature(order.payee, settleOrderData(chain.entry, order), signature);
  const call = channelsCall(chain.entry, { functionName: 'settleFor', args: [order, signature] });
  const mined = await chain.transact(sender, call, options);
  const paid = mined.events.find((event) => event.type === 'settled');
  return { ...mined, amount: paid?.amount ?? 0n };
}

function checkForm({ payee, sponsor, fee, payeeMin, validBefore }: SettleOrder): void {
  parseAddress('payee', payee);
  parseSponsorship({ sponsor, fee });
  checkSeconds('validBefore', validBefore);
  if (payeeMin < 0n || payeeMin > voucherUnitsMax) throw payError('bad-fee', { details: { field: 'payeeMin' } });
}
