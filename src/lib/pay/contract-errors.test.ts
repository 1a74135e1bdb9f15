import { encodeErrorResult } from 'viem';
import { describe, expect, test } from 'vitest';
import { channelsAbi } from '#contracts/channels.ts';
import { disputesAbi } from '#contracts/disputes.ts';
import { providersAbi } from '#contracts/providers.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { contractErrors, fromRevert } from './contract-errors.ts';
import { isPayErrorCode, payError, payErrors } from './errors.ts';

const declared = [...channelsAbi, ...providersAbi, ...disputesAbi, ...testUsdcAbi].flatMap((item) =>
  item.type === 'error' ? [item.name] : [],
);

test('exactly the errors the contracts declare have a code', () => {
  expect(new Set(declared)).toEqual(new Set(Object.keys(contractErrors)));
});

test('every code has a message that says what to do', () => {
  for (const [code, says] of Object.entries(payErrors)) {
    expect(code).toMatch(/^[a-z][a-z0-9-]*$/);
    expect(says).toMatch(/^[A-Z].*\.$/);
  }
  expect(isPayErrorCode('overdrawn')).toBe(true);
  expect(isPayErrorCode('toString')).toBe(false);
});

test('details are JSON-serialisable', () => {
  const { details } = payError('overdrawn', { details: { balance: 2n ** 100n, field: 'x' } });
  expect(JSON.parse(JSON.stringify(details))).toEqual({ balance: '1267650600228229401496703205376', field: 'x' });
});

describe('a revert', () => {
  test('maps to its code, with its arguments', () => {
    const data = encodeErrorResult({ abi: channelsAbi, errorName: 'TooEarly', args: [20n, 10n] });
    expect(fromRevert(data)).toMatchObject({
      code: 'too-early',
      details: { contractError: 'TooEarly', operands: ['20', '10'] },
    });
  });

  const words = [{ type: 'error', name: 'Error', inputs: [{ name: 'reason', type: 'string' }] }] as const;
  test.each([
    ['ERC20: transfer amount exceeds balance', 'insufficient-funds'],
    ['ERC20: transfer amount exceeds allowance', 'allowance-too-small'],
    ['FiatTokenV2: authorization is expired', 'authorization-expired'],
    ['FiatTokenV2: authorization is used or canceled', 'authorization-used'],
    ['FiatTokenV2: invalid signature', 'bad-signature'],
    ['Blacklistable: account is blacklisted', 'token-refused'],
    ['something else', 'transaction-reverted'],
  ])('with the reason %j is %s', (reason, code) => {
    expect(fromRevert(encodeErrorResult({ abi: words, errorName: 'Error', args: [reason] })).code).toBe(code);
  });

  test('that is unknown still has a code', () => {
    expect(fromRevert('0xdeadbeef')).toMatchObject({ code: 'transaction-reverted', details: { data: '0xdeadbeef' } });
    expect(fromRevert('0x').code).toBe('transaction-reverted');
  });
});
