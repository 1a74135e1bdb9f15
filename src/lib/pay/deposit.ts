import { parseSignature } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import { checkAmount } from './amount.ts';
import { payError } from './errors.ts';
import type { Address, Chain, Hex, Wallet } from './spec.ts';
import { authorizationData, authorizationNonce, permitData } from './typed-data.ts';

/** How tokens come in: by a signature for one purpose, by a signed approval, or by an approval made before. */
export type Deposit =
  | { readonly type: 'authorization'; readonly authorization: Authorization }
  | { readonly type: 'permit'; readonly permit: Permit }
  | { readonly type: 'approved' };

/** EIP-3009, as the contract wants it; the nonce follows from `salt` and from what the money is for. */
export interface Authorization {
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly salt: Hex;
  readonly signature: Hex;
}

/** ERC-2612. */
export interface Permit {
  readonly deadline: bigint;
  readonly v: number;
  readonly r: Hex;
  readonly s: Hex;
}

export interface DepositTerms {
  /** What the money is for: a channel's id, or the address of the provider that bonds. */
  readonly subject: Hex;
  /** The contract that may fetch it. */
  readonly to: Address;
  readonly amount: bigint;
  /** Unix seconds; the signature is worthless from then on. */
  readonly validBefore: number;
}

/**
 * One signature that moves `amount` into one channel or bond, whoever hands it in. This is all a person's wallet is ever
 * asked for. @throws `amount-zero`, `amount-too-large`, `rejected`, `wallet-failed`.
 */
export async function signAuthorization(
  { chain, wallet, random }: { readonly chain: Chain; readonly wallet: Wallet; readonly random: Random },
  { subject, to, amount, validBefore }: DepositTerms,
  options: AbortOptions = {},
): Promise<Deposit> {
  checkAmount(amount);
  await checkWalletChain(chain, wallet, options);
  const salt: Hex = `0x${toHex(random.bytes(32))}`;
  const times = { validAfter: 0n, validBefore: BigInt(validBefore) };
  const nonce = authorizationNonce(subject, salt);
  const data = authorizationData(chain.entry, { from: wallet.address, to, value: amount, ...times, nonce });
  const signature = await wallet.signTypedData(data, options);
  return { type: 'authorization', authorization: { ...times, salt, signature } };
}

/** A signed approval, for tokens that know permits and no authorizations. The payer has to send the deposit itself. */
export async function signPermit(
  { chain, wallet }: { readonly chain: Chain; readonly wallet: Wallet },
  { to, amount, validBefore }: Omit<DepositTerms, 'subject'>,
  options: AbortOptions = {},
): Promise<Deposit> {
  checkAmount(amount);
  await checkWalletChain(chain, wallet, options);
  const nonce = await chain.permitNonce(wallet.address, options);
  const deadline = BigInt(validBefore);
  const message = { owner: wallet.address, spender: to, value: amount, nonce, deadline };
  const signature = await wallet.signTypedData(permitData(chain.entry, message), options);
  if (signature.length !== 132) throw payError('bad-signature', { details: { message: 'Permit' } });
  const { r, s, v, yParity } = parseSignature(signature);
  return { type: 'permit', permit: { deadline, v: v === undefined ? yParity + 27 : Number(v), r, s } };
}

/** Fails early, with a clear code, where the token would fail late. @throws `insufficient-funds`. */
export async function checkFunds(
  chain: Chain,
  { owner, amount }: { readonly owner: Address; readonly amount: bigint },
  options: AbortOptions,
): Promise<void> {
  const available = await chain.tokenBalance(owner, options);
  if (available < amount) throw payError('insufficient-funds', { details: { required: amount, available } });
}

/** A wallet on another chain would sign for that one, or refuse in words of its own. */
async function checkWalletChain(chain: Chain, wallet: Wallet, options: AbortOptions): Promise<void> {
  if (wallet.type === 'local') return;
  const actual = await wallet.chainId(options);
  if (actual !== chain.entry.id) throw payError('wrong-chain', { details: { expected: chain.entry.id, actual } });
}
