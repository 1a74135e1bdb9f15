import { HttpRequestError, RpcRequestError, TimeoutError, encodeErrorResult } from 'viem';
import { describe, expect, test } from 'vitest';
import { channelsAbi } from '#contracts/channels.ts';
import { payError } from '../errors.ts';
import { isKnown, isNonceTaken, isUnderpriced, toPayError } from './rpc-errors.ts';

const url = 'http://127.0.0.1:1';
const answer = (code: number, message: string, data?: unknown) =>
  new RpcRequestError({ body: {}, url, error: { code, message, data } as { code: number; message: string } });
const walletError = (code: number, message: string, data?: unknown) =>
  Object.assign(new Error(message), { code, data });
const wrapped = (cause: Error) => new Error('outer', { cause: new Error('middle', { cause }) });
const revert = encodeErrorResult({ abi: channelsAbi, errorName: 'JobOnly', args: [`0x${'11'.repeat(32)}`] });

describe('errors of a node or a wallet', () => {
  test.each<readonly [string, unknown, string]>([
    ['a revert', wrapped(answer(3, 'execution reverted', revert)), 'job-only'],
    ['a revert inside an object', answer(3, 'execution reverted', { data: revert }), 'job-only'],
    ['a revert without a reason', answer(3, 'execution reverted'), 'transaction-reverted'],
    ['no coins', answer(-32_000, 'insufficient funds for gas * price + value'), 'insufficient-gas'],
    ['a refusal', answer(-32_602, 'invalid params'), 'node-refused'],
    ['a busy node', answer(-32_005, 'limit exceeded'), 'chain-unavailable'],
    ['no connection', new HttpRequestError({ url, body: {} }), 'chain-unavailable'],
    ['no answer', new TimeoutError({ url, body: {} }), 'chain-unavailable'],
    ['a rejection by the user', Object.assign(new Error('no'), { code: 4001 }), 'rejected'],
    ['a rejection by the user without a code', new Error('MetaMask: User denied transaction signature.'), 'rejected'],
    [
      'a rejection inside an internal error',
      walletError(-32_603, 'Internal error', { originalError: { code: 4001 } }),
      'rejected',
    ],
    ['a rejection inside a cause', wrapped(walletError(4001, 'no')), 'rejected'],
    ['a cancellation', new Error('Cancelled by User'), 'rejected'],
    ['a cancellation, spelled otherwise', new Error('User canceled the request'), 'rejected'],
    ['a wallet that waits already', walletError(-32_002, 'Request of type wallet_x already pending'), 'wallet-busy'],
    ['a node out of resources', answer(-32_002, 'resource unavailable'), 'chain-unavailable'],
    ['an account that is not allowed', walletError(4100, 'Unauthorized'), 'wallet-unauthorized'],
    ['a wallet without a connection', walletError(4900, 'Disconnected'), 'wallet-disconnected'],
    ['a wallet without this chain', walletError(4901, 'Chain disconnected'), 'wallet-disconnected'],
    ['a wallet that cannot', walletError(4200, 'Unsupported method'), 'wallet-unsupported'],
    [
      'a fee below the base fee',
      answer(-32_000, 'max fee per gas less than block base fee: address 0x0'),
      'fee-too-low',
    ],
    ['no coins, by Nethermind', answer(-32_010, 'InsufficientFunds, Account balance: 0'), 'insufficient-gas'],
    ['another chain', Object.assign(new Error('Unrecognized chain ID'), { code: 4902 }), 'wrong-chain'],
    ['an unknown error', 'nonsense', 'chain-unavailable'],
  ])('%s', (_, error, code) => {
    expect(toPayError(error).code).toBe(code);
  });

  test('a coded error passes unchanged', () => {
    const coded = payError('overdrawn');
    expect(toPayError(coded)).toBe(coded);
  });

  test('a cyclic chain of causes terminates', () => {
    const error = new Error('round');
    Object.assign(error, { cause: error });
    expect(toPayError(error).code).toBe('chain-unavailable');
  });
});

test.each([
  [isNonceTaken, 'nonce too low'],
  [isNonceTaken, 'OldNonce, Current nonce: 8, nonce of rejected tx: 7'],
  [isKnown, 'AlreadyKnown'],
  [isUnderpriced, 'ReplacementNotAllowed'],
  [isUnderpriced, 'FeeTooLow, MaxFeePerGas too low'],
  [isUnderpriced, 'max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 2'],
  [isKnown, 'already known'],
  [isKnown, 'transaction already imported'],
  [isUnderpriced, 'replacement transaction underpriced'],
])('a sender recognises %o', (is, message) => {
  expect(is(wrapped(answer(-32_000, message)))).toBe(true);
  expect(is(wrapped(answer(-32_000, 'something else')))).toBe(false);
});
