import { BaseError, isHex } from 'viem';
import { TabloomError } from '#lib/base/errors.ts';
import { fromRevert } from '../contract-errors.ts';
import { payError, type PayErrorCode } from '../errors.ts';
import type { Hex } from '../spec.ts';

/** What a node or a wallet failed with → this room's codes. Coded errors pass. */
export function toPayError(error: unknown): TabloomError {
  if (error instanceof TabloomError) return error;
  const data = revertData(error);
  if (data) return fromRevert(data, error);
  const said = wordsOf(error);
  const code = codeOf(error);
  if (code === 4001 || code === 5000 || /user (rejected|denied)/i.test(said))
    return payError('rejected', { cause: error });
  if (code === 4902 || /chain.?mismatch|wrong chain|unrecognized chain/i.test(said)) {
    return payError('wrong-chain', { cause: error });
  }
  const worded = byWords.find(([pattern]) => pattern.test(said))?.[1];
  return payError(worded ?? (isAnswer(error) ? 'node-refused' : 'chain-unavailable'), {
    cause: error,
    details: { said: said.slice(0, 200) },
  });
}

/** True when a transaction of this nonce is known already, or another one took it. */
export const isNonceTaken = (error: unknown): boolean => /nonce (is )?too low|nonce.*already/i.test(wordsOf(error));
export const isKnown = (error: unknown): boolean => /already known|already imported/i.test(wordsOf(error));
export const isUnderpriced = (error: unknown): boolean => /underpriced|fee too low/i.test(wordsOf(error));

/** True when a node was there to say no; busy ones (-32005) are as good as away. */
const isAnswer = (error: unknown): boolean =>
  causes(error).some((cause) => (cause as Error).name === 'RpcRequestError') && codeOf(error) !== -32_005;

const byWords: readonly (readonly [pattern: RegExp, code: PayErrorCode])[] = [
  [/insufficient funds|exceeds the balance of the account|OutOfFund/i, 'insufficient-gas'],
  [/revert/i, 'transaction-reverted'],
];

/** Every error down the chain of causes: viem wraps what the node said several times. At most ten deep. */
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
