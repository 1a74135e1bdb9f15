import { expect, test } from 'vitest';
import { noNetwork } from './network.ts';
import { defaultSettings } from './settings.ts';
import { noWallet, payingNow, type ChannelView, type HoldingsView, type WalletView } from './wallet.ts';

const chain = {
  id: 31_337,
  name: 'Local chain',
  isLocal: true,
  explorerUrl: null,
  symbol: 'tUSDC',
  hasFaucet: false,
};
const ready: WalletView = { ...noWallet, phase: 'ready', chain };
const agreed = { ...defaultSettings, payAnswers: true };
const holdings = (balance: bigint, channels: readonly ChannelView[] = []): HoldingsView => ({
  balance,
  hasGas: true,
  channels,
  earned: { unclaimed: 0n, owed: 0n },
  readAt: 0,
});
const channel = (change: Partial<ChannelView>): ChannelView => ({
  id: '0x1',
  provider: '0x2',
  phase: 'open',
  deposit: 10n,
  promised: 0n,
  withdrawableAt: undefined,
  ...change,
});

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

test('an empty wallet pays only out of channels that are open and have something left', () => {
  const pays = (held: HoldingsView) => payingNow(agreed, noNetwork, { ...ready, holdings: held }) !== undefined;
  expect(pays(holdings(1n))).toBe(true);
  expect(pays(holdings(0n))).toBe(false);
  expect(pays(holdings(0n, [channel({})]))).toBe(true);
  expect(pays(holdings(0n, [channel({ promised: 10n }), channel({ phase: 'leaving' })]))).toBe(false);
});
