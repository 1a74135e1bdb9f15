import { BaseError, isHex } from 'viem';
import { TabloomError } from '#lib/base/errors.ts';
import { fromRevert } from '../contract-errors.ts';
import { payError, type PayErrorCode } from '../errors.ts';
import type { Hex } from '../spec.ts';

/** Maps errors of nodes and wallets to payment error codes. Coded errors pass unchanged. */
export function toPayError(error: unknown): TabloomError {
  if (error instanceof TabloomError) return error;
  const data = revertData(error);
  if (data) return fromRevert(data, error);
  const message = wordsOf(error);
  const isNode = isAnswer(error);
  const codes = codesOf(error);
  const numbered = isNode ? undefined : byNumber.find(([numbers]) => codes.some((code) => numbers.includes(code)));
  const worded = byWords.find(([pattern]) => pattern.test(message));
  const isBusy = codes.some((code) => busyNode.includes(code));
  return payError(numbered?.[1] ?? worded?.[1] ?? (isNode && !isBusy ? 'node-refused' : 'chain-unavailable'), {
    cause: error,
    details: { message: message.slice(0, 200) },
  });
}

/** True if a transaction with this nonce was already mined. Nethermind answers with the names of its enum. */
export const isNonceTaken = (error: unknown): boolean =>
  /nonce (is )?too low|nonce.*already|\bOldNonce/i.test(wordsOf(error));
/** True if the node has this very transaction already. */
export const isKnown = (error: unknown): boolean =>
  /already known|already imported|known transaction|\bAlreadyKnown/i.test(wordsOf(error));
/** True if the node would take the transaction for a higher fee. */
export const isUnderpriced = (error: unknown): boolean => underpriced.test(wordsOf(error));

const underpriced =
  /underpriced|fee too low|fee ?cap.* base ?fee|max ?fee ?per ?gas less than block base fee|\bReplacementNotAllowed|\bFeeTooLow/i;

/** True if a node responded with an error, rather than a wallet. */
const isAnswer = (error: unknown): boolean =>
  causes(error).some((cause) => (cause as Error).name === 'RpcRequestError');

/** Rate limits, and nodes that are out of resources. */
const busyNode: readonly unknown[] = [-32_005, -32_002, 429];

/** Errors of wallets: EIP-1193, EIP-1474, EIP-3326 and WalletConnect. The first that occurs anywhere in the causes counts. */
const byNumber: readonly (readonly [numbers: readonly unknown[], code: PayErrorCode])[] = [
  [[4001, 5000], 'rejected'],
  [[4902], 'wrong-chain'],
  [[4100], 'wallet-unauthorized'],
  [[4900, 4901], 'wallet-disconnected'],
  [[-32_002], 'wallet-busy'],
  [[4200, -32_601], 'wallet-unsupported'],
];

const byWords: readonly (readonly [pattern: RegExp, code: PayErrorCode])[] = [
  [/user (rejected|denied|cancell?ed)|(rejected|denied|cancell?ed|declined) by (the )?user/i, 'rejected'],
  [/chain.?mismatch|wrong chain|unrecognized chain/i, 'wrong-chain'],
  [/insufficient funds|exceeds the balance of the account|OutOfFund|\bInsufficientFunds/i, 'insufficient-gas'],
  [underpriced, 'fee-too-low'],
  [/revert/i, 'transaction-reverted'],
];

/**
 * All errors in the chain of causes, up to ten: viem wraps the node's error several times, and wallets put another's inside
 * `data`.
 */
function causes(error: unknown): readonly object[] {
  const found: object[] = [];
  const next: unknown[] = [error];
  while (next.length > 0 && found.length < 10) {
    const one = next.shift();
    if (typeof one !== 'object' || one === null || found.includes(one)) continue;
    found.push(one);
    if ('cause' in one) next.push(one.cause);
    if ('originalError' in one) next.push(one.originalError);
    if ('data' in one && typeof one.data === 'object') next.push(one.data);
  }
  return found;
}

function revertData(error: unknown): Hex | undefined {
  for (const cause of causes(error)) {
    if (!('data' in cause)) continue;
    const { data } = cause;
    const bytes = typeof data === 'object' && data !== null && 'data' in data ? data.data : data;
    if (isHex(bytes) && bytes.length >= 10) return bytes;
  }
  return undefined;
}

const wordsOf = (error: unknown): string =>
  causes(error)
    .map((cause) => (cause instanceof BaseError ? `${cause.shortMessage} ${cause.details}` : (cause as Error).message))
    .filter((words) => words !== undefined)
    .join(' | ');

const codesOf = (error: unknown): readonly unknown[] =>
  causes(error).flatMap((cause) => ('code' in cause ? [cause.code] : []));
