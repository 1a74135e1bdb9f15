import { channelsDomain, channelsTypes, disputesDomain, disputesTypes, tokenTypes } from '#contracts/typed-data.ts';
import { verdicts } from '#contracts/words.ts';
import { keccak256, encodeAbiParameters } from 'viem';
import type { Ballot } from './court.ts';
import type { Address, ChannelId, ClaimOrder, DeployedChain, Hex, SettleOrder, TypedData } from './spec.ts';
import { unsponsored, type Sponsorship } from './sponsorship.ts';

/** The EIP-712 messages: five for channels, one for disputes, and two for moving tokens. */

export const voucherData = (chain: DeployedChain, channelId: ChannelId, cumulativeAmount: bigint): TypedData =>
  channelsData(chain, 'Voucher', { channelId, cumulativeAmount });

/** The provider's agreement to `finalAmount` as the final payout. */
export const closeData = (chain: DeployedChain, channelId: ChannelId, finalAmount: bigint): TypedData =>
  channelsData(chain, 'Close', { channelId, finalAmount });

export const withdrawalData = (chain: DeployedChain, channelId: ChannelId, sponsorship = unsponsored): TypedData =>
  channelsData(chain, 'Withdrawal', { channelId, ...sponsorship });

export const settleOrderData = (chain: DeployedChain, order: SettleOrder): TypedData =>
  channelsData(chain, 'SettleOrder', { ...order });

export const claimOrderData = (chain: DeployedChain, order: ClaimOrder): TypedData =>
  channelsData(chain, 'ClaimOrder', { ...order });

/** A validator's verdict on one dispute in one round. */
export const voteData = (chain: DeployedChain, { verdict, ...vote }: Omit<Ballot, 'signature'>): TypedData => ({
  domain: { ...disputesDomain, chainId: chain.id, verifyingContract: chain.contracts.disputes },
  types: { Vote: disputesTypes.Vote },
  primaryType: 'Vote',
  message: { ...vote, verdict: verdicts.indexOf(verdict) },
});

export interface AuthorizationMessage {
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly nonce: Hex;
}

/** EIP-3009: a transfer that anybody may execute, as x402's `exact` asks for. Signed under the token's domain. */
export const transferData = (chain: Pick<DeployedChain, 'id' | 'token'>, message: AuthorizationMessage): TypedData => {
  const { domain } = tokenData(chain, 'ReceiveWithAuthorization', { ...message });
  // The two have the same members.
  const types = { TransferWithAuthorization: tokenTypes.ReceiveWithAuthorization };
  return { domain, types, primaryType: 'TransferWithAuthorization', message: { ...message } };
};

/** EIP-3009: a transfer only `to` can execute, for one purpose. Signed under the token's domain. */
export const authorizationData = (chain: DeployedChain, message: AuthorizationMessage): TypedData =>
  tokenData(chain, 'ReceiveWithAuthorization', { ...message });

/**
 * A nonce that binds an authorization to one purpose: `subject` is a channel id, with what a sponsor gets, or a provider's
 * address.
 */
export function authorizationNonce(subject: Hex, salt: Hex, { sponsor, fee }: Sponsorship = unsponsored): Hex {
  const [address, word, units] = [{ type: 'address' }, { type: 'bytes32' }, { type: 'uint96' }] as const;
  return subject.length === 42
    ? keccak256(encodeAbiParameters([address, word], [subject, salt]))
    : keccak256(encodeAbiParameters([word, word, address, units], [subject, salt, sponsor, fee]));
}

/** The EIP-712 domain of channel messages on one chain. */
export const channelsDomainOf = (chain: DeployedChain): TypedData['domain'] => ({
  ...channelsDomain,
  chainId: chain.id,
  verifyingContract: chain.contracts.channels,
});

function channelsData(
  chain: DeployedChain,
  primaryType: keyof typeof channelsTypes,
  message: TypedData['message'],
): TypedData {
  return {
    domain: channelsDomainOf(chain),
    types: { [primaryType]: channelsTypes[primaryType] },
    primaryType,
    message,
  };
}

function tokenData(
  chain: Pick<DeployedChain, 'id' | 'token'>,
  primaryType: keyof typeof tokenTypes,
  message: TypedData['message'],
): TypedData {
  const { name, version, address } = chain.token;
  return {
    domain: { name, version, chainId: chain.id, verifyingContract: address },
    types: { [primaryType]: tokenTypes[primaryType] },
    primaryType,
    message,
  };
}
