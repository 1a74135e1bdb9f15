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
  const code = codeOf(error);
  if (code === 4001 || code === 5000 || /user (rejected|denied)/i.test(message))
    return payError('rejected', { cause: error });
  if (code === 4902 || /chain.?mismatch|wrong chain|unrecognized chain/i.test(message)) {
    return payError('wrong-chain', { cause: error });
  }
  const worded = byWords.find(([pattern]) => pattern.test(message))?.[1];
  return payError(worded ?? (isAnswer(error) ? 'node-refused' : 'chain-unavailable'), {
    cause: error,
    details: { message: message.slice(0, 200) },
  });
}

/** True if a transaction with this nonce is already known or was already mined. */
export const isNonceTaken = (error: unknown): boolean => /nonce (is )?too low|nonce.*already/i.test(wordsOf(error));
export const isKnown = (error: unknown): boolean => /already known|already imported/i.test(wordsOf(error));
export const isUnderpriced = (error: unknown): boolean => /underpriced|fee too low/i.test(wordsOf(error));

/** True if the node responded with an error. Rate limiting (-32005) counts as unavailable. */
const isAnswer = (error: unknown): boolean =>
  causes(error).some((cause) => (cause as Error).name === 'RpcRequestError') && codeOf(error) !== -32_005;

const byWords: readonly (readonly [pattern: RegExp, code: PayErrorCode])[] = [
  [/insufficient funds|exceeds the balance of the account|OutOfFund/i, 'insufficient-gas'],
  [/revert/i, 'transaction-reverted'],
];

/** All errors in the chain of causes, up to ten deep: viem wraps the node's error several times. */
function causes(error: unknown): readonly object[] {
  const found: object[] = [];
  for (let next: unknown = error; typeof next === 'object' && next !== null && found.length < 10;) {
    found.push(next);
    next = 'cause' in next ? next.cause : undefined;
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
    .join(' | ');

const codeOf = (error: unknown): unknown =>
  causes(error)
    .map((cause) => ('code' in cause ? cause.code : undefined))
    .find((code) => code !== undefined && code !== -1);
