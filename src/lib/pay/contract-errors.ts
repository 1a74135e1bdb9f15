import { decodeErrorResult, type Abi } from 'viem';
import type { TabloomError } from '#lib/base/errors.ts';
import { channelsAbi } from '#contracts/channels.ts';
import { disputesAbi } from '#contracts/disputes.ts';
import { providersAbi } from '#contracts/providers.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { payError, type PayErrorCode } from './errors.ts';
import type { Hex } from './spec.ts';

/** Maps Solidity error names to error codes. A test checks the table against the ABIs. */
export const contractErrors: Readonly<Record<string, PayErrorCode>> = {
  // Channels
  AmountZero: 'amount-zero',
  BalanceTooLarge: 'amount-too-large',
  BatchTooLong: 'batch-too-long',
  CallerNotPayer: 'not-payer',
  CallerNotPayerSide: 'not-payer',
  ChannelAlreadyClosed: 'channel-closed',
  ChannelExists: 'channel-exists',
  ChannelMissing: 'channel-missing',
  ClaimsMismatch: 'order-mismatch',
  DeadlineOutOfRange: 'bad-terms',
  DeadlinePassed: 'deadline-passed',
  DelayOutOfRange: 'bad-terms',
  FeeTooLarge: 'fee-too-large',
  FinalAmountOutOfRange: 'final-amount-out-of-range',
  InvalidSignature: 'bad-signature',
  JobOnly: 'job-only',
  ModeUnclear: 'bad-terms',
  NonceMismatch: 'order-used',
  OrderExpired: 'order-expired',
  PartyIsContractItself: 'bad-terms',
  PartyMissing: 'bad-terms',
  PayeeMinNotMet: 'payout-too-small',
  RelayMismatch: 'wrong-relay',
  SessionOnly: 'session-only',
  TokenWithoutCode: 'token-unsupported',
  TooEarly: 'too-early',
  TransferMismatch: 'token-unsupported',
  WithdrawalNotAnnounced: 'withdrawal-not-announced',
  WithdrawalPending: 'withdrawal-pending',
  // Providers
  AlreadyLocked: 'not-allowed',
  CallerNotDisputes: 'not-allowed',
  DisputesInvalid: 'not-allowed',
  LockOver: 'not-allowed',
  LockRunning: 'not-allowed',
  LockTooLong: 'not-allowed',
  NotLocked: 'not-allowed',
  NothingToLock: 'not-allowed',
  NothingUnbonding: 'nothing-unbonding',
  OfferKeyMissing: 'offer-key-missing',
  SlashAboveStake: 'stake-too-small',
  StakeLocked: 'stake-locked',
  StakeTooLarge: 'amount-too-large',
  StakeTooSmall: 'stake-too-small',
  UnbondingNotOver: 'unbonding-not-over',
  // Disputes
  AlreadyVoted: 'already-voted',
  AnswerMissing: 'answer-missing',
  CallerNotProvider: 'not-provider',
  DisputeMissing: 'dispute-missing',
  NotValidator: 'not-validator',
  PenaltyOutOfRange: 'penalty-out-of-range',
  ReceiptAlreadyDecided: 'receipt-decided',
  ReceiptMissing: 'receipt-hash-missing',
  SwitchedOffNow: 'court-closed',
  TooManyValidators: 'not-allowed',
  ValidatorInvalid: 'not-allowed',
  ValidatorIsParty: 'validator-is-party',
  ValidatorResting: 'not-allowed',
  ValidatorTooNew: 'validator-too-new',
  ValidatorUnchanged: 'not-allowed',
  VerdictMissing: 'verdict-missing',
  WindowOpen: 'window-open',
  WindowOver: 'window-over',
  WrongPhase: 'wrong-phase',
  WrongRound: 'wrong-round',
  // Governance: never called from here, but a node may still return these.
  AlreadyScheduled: 'not-allowed',
  GovernanceRenounced: 'not-allowed',
  Lapsed: 'not-allowed',
  NotReady: 'too-early',
  NotScheduled: 'not-allowed',
  OnlyScheduled: 'not-allowed',
  OwnableInvalidOwner: 'not-allowed',
  OwnableUnauthorizedAccount: 'not-allowed',
  ShareTooLarge: 'not-allowed',
  TreasuryInvalid: 'not-allowed',
  // Tokens
  ECDSAInvalidSignature: 'bad-signature',
  ECDSAInvalidSignatureLength: 'bad-signature',
  ECDSAInvalidSignatureS: 'bad-signature',
  ERC20InsufficientAllowance: 'allowance-too-small',
  ERC20InsufficientBalance: 'insufficient-funds',
  ERC20InvalidApprover: 'token-refused',
  ERC20InvalidReceiver: 'token-refused',
  ERC20InvalidSender: 'token-refused',
  ERC20InvalidSpender: 'token-refused',
  ERC3009InvalidAuthorizationTime: 'authorization-expired',
  ERC3009InvalidSignature: 'bad-signature',
  ERC3009UsedAuthorization: 'authorization-used',
  InvalidAccountNonce: 'authorization-used',
  LocalChainsOnly: 'wrong-chain',
  PermitExpired: 'authorization-expired',
  PermitSignerMismatch: 'bad-signature',
  // Libraries
  InvalidShortString: 'transaction-reverted',
  ReentrancyGuardReentrantCall: 'token-unsupported',
  SafeCastOverflowedUintDowncast: 'amount-too-large',
  SafeERC20FailedOperation: 'token-refused',
  StringTooLong: 'transaction-reverted',
};

/** USDC's revert strings; the first match counts. */
const tokenWords: readonly (readonly [pattern: RegExp, code: PayErrorCode])[] = [
  [/exceeds balance/i, 'insufficient-funds'],
  [/exceeds allowance/i, 'allowance-too-small'],
  [/authorization is (expired|not yet valid)|permit is expired/i, 'authorization-expired'],
  [/authorization is used/i, 'authorization-used'],
  [/invalid signature/i, 'bad-signature'],
  [/blacklisted|blocklisted|paused/i, 'token-refused'],
];

const abi = [...channelsAbi, ...providersAbi, ...disputesAbi, ...testUsdcAbi].filter(
  ({ type }) => type === 'error',
) as Abi;

/** Decodes a contract's revert data into a coded error; the error's arguments become details. */
export function fromRevert(data: Hex, cause?: unknown): TabloomError {
  let decoded: { readonly errorName: string; readonly args?: readonly unknown[] };
  try {
    decoded = decodeErrorResult({ abi, data });
  } catch {
    return payError('transaction-reverted', { details: { data: data.slice(0, 202) }, cause });
  }
  const { errorName, args = [] } = decoded;
  if (errorName === 'Error') {
    const reason = String(args[0]).slice(0, 200);
    const code = tokenWords.find(([pattern]) => pattern.test(reason))?.[1] ?? 'transaction-reverted';
    return payError(code, { details: { reason }, cause });
  }
  return payError(contractErrors[errorName] ?? 'transaction-reverted', {
    details: { contractError: errorName, operands: args.map(String) },
    cause,
  });
}
