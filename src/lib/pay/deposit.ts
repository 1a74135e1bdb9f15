import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import { checkAmount, channelUnitsMax } from './amount.ts';
import { payError } from './errors.ts';
import { checkSeconds, isBytes, parseAddress } from './input.ts';
import { checkTypedSignature } from './signature.ts';
import type { Address, Chain, ChannelTerms, DeployedChain, Hex, Wallet } from './spec.ts';
import { parseSponsorship, sponsorshipSchema, unsponsored, type Sponsorship } from './sponsorship.ts';
import { addressSchema, bytes32Schema, channelIdOf } from './terms.ts';
import { authorizationData, authorizationNonce } from './typed-data.ts';

/** How tokens are deposited: with an authorization for this purpose alone, which any account may send. */
export interface Deposit {
  readonly authorization: Authorization;
  /** Of a channel's deposit: what it pays whoever submits it. */
  readonly sponsorship?: Sponsorship;
}

/** EIP-3009, in the contract's format; the nonce is derived from `salt` and the purpose. */
export interface Authorization {
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly salt: Hex;
  readonly signature: Hex;
}

export interface DepositTerms {
  /** The purpose: a channel id, or the address of the bonding provider. */
  readonly subject: Hex;
  /** The contract that may take the tokens. */
  readonly to: Address;
  readonly amount: bigint;
  /** Unix seconds from which the signature is void. */
  readonly validBefore: number;
  /** Paid out of `amount` to whoever submits a channel's deposit; nothing by default. */
  readonly sponsorship?: Sponsorship;
}

/**
 * Signs a transfer of `amount` into one particular channel or bond, whichever account submits it. This is the only
 * signature a user's wallet is asked for. @throws `amount-zero`, `amount-too-large`, `bad-deposit`, `bad-address`,
 * `bad-fee`, `fee-too-large`, `bad-time`, `authorization-expired`, `rejected`, `wallet-failed`.
 */
export async function signAuthorization(
  { chain, wallet, random }: { readonly chain: Chain; readonly wallet: Wallet; readonly random: Random },
  { subject, to, amount, validBefore, sponsorship }: DepositTerms,
  options: AbortOptions = {},
): Promise<Deposit> {
  checkAmount(amount);
  const reward = parseSponsorship(sponsorship);
  checkFee(amount, reward);
  const purpose = subjectSchema.safeParse(subject);
  if (!purpose.success) throw payError('bad-deposit', { details: { field: 'subject' } });
  const receiver = parseAddress('to', to);
  await checkReady(chain, wallet, validBefore, options);
  const salt: Hex = `0x${toHex(random.bytes(32))}`;
  const times = { validAfter: 0n, validBefore: BigInt(validBefore) };
  const nonce = authorizationNonce(purpose.data, salt, reward);
  const message = { from: wallet.address, to: receiver, value: amount, ...times, nonce };
  const signature = await wallet.signTypedData(authorizationData(chain.entry, message), options);
  return { authorization: { ...times, salt, signature }, sponsorship: reward };
}

/** An amount and how it is deposited. */
export interface Funding {
  readonly amount: bigint;
  readonly deposit: Deposit;
}

/** @throws `amount-zero`, `amount-too-large`, `fee-too-large`, `bad-deposit` with the field in the details. */
export function checkFunding({ amount, deposit }: Funding, maximum: bigint = channelUnitsMax): void {
  checkAmount(amount, maximum);
  const parsed = depositSchema.safeParse(deposit);
  if (!parsed.success) {
    throw payError('bad-deposit', { details: { field: parsed.error.issues[0]?.path.join('.') ?? 'deposit' } });
  }
  checkFee(amount, sponsorshipOf(deposit));
}

/** What a deposit pays whoever submits it. */
export const sponsorshipOf = ({ sponsorship = unsponsored }: Deposit): Sponsorship => sponsorship;

/** Checks the signature of a channel's deposit by an ordinary key, without asking the chain. @throws `bad-signature`. */
export async function checkAuthorization(
  chain: DeployedChain,
  { terms, amount, deposit }: Funding & { readonly terms: ChannelTerms },
): Promise<void> {
  const { salt, signature, validAfter, validBefore } = deposit.authorization;
  const nonce = authorizationNonce(channelIdOf(terms), salt, sponsorshipOf(deposit));
  const to = chain.contracts.channels;
  const message = { from: terms.payer, to, value: amount, validAfter, validBefore, nonce };
  await checkTypedSignature(terms.payer, authorizationData(chain, message), signature);
}

function checkFee(amount: bigint, { fee }: Sponsorship): void {
  if (fee >= amount) throw payError('fee-too-large', { details: { maximum: amount - 1n, given: fee } });
}

/** Checks the balance up front, so that the failure has a clear code. @throws `insufficient-funds`. */
export async function checkFunds(
  chain: Chain,
  { owner, amount }: { readonly owner: Address; readonly amount: bigint },
  options: AbortOptions,
): Promise<void> {
  const available = await chain.tokenBalance(owner, options);
  if (available < amount) throw payError('insufficient-funds', { details: { required: amount, available } });
}

/** Avoids asking the user to sign something useless: an expired time or another chain's domain. */
async function checkReady(chain: Chain, wallet: Wallet, validBefore: number, options: AbortOptions): Promise<void> {
  checkSeconds('validBefore', validBefore);
  const { timestamp } = await chain.head(options);
  if (validBefore <= timestamp) throw payError('authorization-expired', { details: { validBefore, now: timestamp } });
  if (wallet.type === 'local') return;
  const actual = await wallet.chainId(options);
  if (actual !== chain.entry.id) throw payError('wrong-chain', { details: { expected: chain.entry.id, actual } });
}

const subjectSchema = z.union([bytes32Schema, addressSchema]);
const secondsSchema = z
  .bigint()
  .min(0n)
  .max(2n ** 256n - 1n);
const depositSchema = z.object({
  authorization: z.object({
    validAfter: secondsSchema,
    validBefore: secondsSchema,
    salt: bytes32Schema,
    signature: z.custom<Hex>(isBytes),
  }),
  sponsorship: sponsorshipSchema.optional(),
});
