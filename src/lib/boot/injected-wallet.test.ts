import { expect, test, vi } from 'vitest';
import { payError } from '#lib/pay/errors.ts';
import type { InjectedWallet } from '#lib/pay/spec.ts';
import { connectedWallet } from './injected-wallet.ts';

const address = '0x00000000000000000000000000000000000000A1';
const account = { kind: 'injected', id: 'fox', name: 'Fox', address } as const;
const found = (at: string = address) =>
  ({ type: 'injected', address: at, chainId: async () => 31_337 }) as unknown as InjectedWallet;

test('it hears nothing until it has to sign or send, and then once a page', async () => {
  const connect = vi.fn(async () => found());
  const asked: string[] = [];
  const wallet = connectedWallet({ connect }, account, (state) => asked.push(state));
  expect(connect).not.toHaveBeenCalled();
  expect(await Promise.all([wallet.chainId(), wallet.chainId()])).toEqual([31_337, 31_337]);
  expect(connect.mock.calls).toEqual([['fox', { known: address }]]);
  expect(asked).toEqual(['asking', 'answered']);
});

test('a refusal is forgotten, so that its owner can think again', async () => {
  const connect = vi.fn(async () => Promise.reject(payError('rejected')));
  const asked: string[] = [];
  const wallet = connectedWallet({ connect }, account, (state) => asked.push(state));
  await expect(wallet.chainId()).rejects.toMatchObject({ code: 'rejected' });
  await expect(wallet.chainId()).rejects.toMatchObject({ code: 'rejected' });
  expect(connect).toHaveBeenCalledTimes(2);
  expect(asked).toEqual(['asking', 'answered', 'asking', 'answered']);
});

test('another account than the one that was chosen never pays', async () => {
  const connect = async () => found('0x00000000000000000000000000000000000000B2');
  const wallet = connectedWallet({ connect }, account, () => undefined);
  await expect(wallet.chainId()).rejects.toMatchObject({ code: 'wallet-unauthorized' });
});
