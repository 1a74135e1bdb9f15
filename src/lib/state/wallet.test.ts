import { expect, test } from 'vitest';
import { noNetwork } from './network.ts';
import { defaultSettings } from './settings.ts';
import { noWallet, payingNow, type HoldingsView, type WalletView } from './wallet.ts';

const chain = {
  id: 31_337,
  name: 'Local chain',
  isLocal: true,
  explorerUrl: null,
  symbol: 'tUSDC',
  hasFaucet: false,
  hasSponsor: false,
};
const ready: WalletView = { ...noWallet, phase: 'ready', chain };
const agreed = { ...defaultSettings, payAnswers: true };
const holdings: HoldingsView = {
  balance: 0n,
  hasGas: true,
  canPay: true,
  channels: [],
  earned: { unclaimed: 0n, owed: 0n },
  readAt: 0,
};

test('nothing is paid before the user has agreed once', () => {
  expect(payingNow(defaultSettings, noNetwork, ready)).toBeUndefined();
  expect(payingNow(agreed, noNetwork, ready)).toEqual({ chain: 31_337, budget: 10_000n });
});

test('nothing is paid in private mode, under another key, without a wallet, or with a limit of nothing', () => {
  expect(payingNow({ ...agreed, privateMode: true }, noNetwork, ready)).toBeUndefined();
  expect(payingNow(agreed, { ...noNetwork, identity: 'guest' }, ready)).toBeUndefined();
  expect(payingNow({ ...agreed, payPerAnswer: '0' }, noNetwork, ready)).toBeUndefined();
  for (const phase of ['starting', 'no-chain', 'elsewhere', 'none'] as const)
    expect(payingNow(agreed, noNetwork, { ...ready, phase })).toBeUndefined();
});

test('an empty wallet pays for nothing, and one that has not been read yet may', () => {
  const pays = (canPay: boolean) => payingNow(agreed, noNetwork, { ...ready, holdings: { ...holdings, canPay } });
  expect(pays(true)).toBeDefined();
  expect(pays(false)).toBeUndefined();
});
