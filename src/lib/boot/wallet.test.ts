import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { payError } from '#lib/pay/errors.ts';
import type { HoldingsView } from '#lib/state/wallet.ts';
import type { Settings } from '#lib/state/settings.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createMoneyBook } from './money-book.ts';
import type { Money, MoneyComponents } from './money.ts';
import type * as Parts from './money-parts.ts';
import { keepWallet } from './wallet.ts';

const payments = { chain: 31_337, rpc: 'http://relay.test/pay/rpc', faucet: '/pay/faucet' };
const holdings: HoldingsView = {
  balance: 5n,
  hasGas: true,
  canPay: true,
  channels: [],
  earned: { unclaimed: 0n, owed: 0n },
  readAt: 0,
};

const payout = { chain: 31_337, provider: '0x1', providerSigner: '0x1', delay: 1, depositMin: '0' } as const;

/** A wallet whose chain is a double: what is opened, and when it is closed, is written down. */
async function desk({ storage = createMemoryStorage(), settings = {} as Partial<Settings> } = {}) {
  const log: string[] = [];
  const failures: { open?: Error; holdings?: Error; leave?: Error } = {};
  const openMoney = vi.fn(async ({ account }: MoneyComponents): Promise<Money> => {
    if (failures.open) throw failures.open;
    log.push(`open ${account.address}`);
    return {
      till: { payouts: [payout], open: async () => Promise.reject(payError('channel-missing')) },
      purse: { open: async () => Promise.reject(payError('insufficient-funds')) },
      holdings: async () => {
        if (failures.holdings) throw failures.holdings;
        return holdings;
      },
      leave: async (id) => {
        if (failures.leave) throw failures.leave;
        log.push(`leave ${id}`);
      },
      withdraw: async () => void log.push('withdraw'),
      collect: async () => void log.push('collect'),
      entrust: async () => void log.push('entrust'),
      close: async () => void log.push('close'),
    };
  });
  const load = vi.fn(async () => ({
    openMoney,
    createMoneyBook,
    openBurner: async () => ({ address: '0xb', exportKey: () => '0xsecret' }),
    importBurner: async (_: unknown, key: string) => ({ address: `0x${key}` }),
    connectInjected: async (_: unknown, id: string) => ({ kind: 'injected', id, name: 'Fox', address: '0xi' }),
    askFaucet: async (path: string) => (log.push(`faucet ${path}`), 7n),
    watchInjected: () => () => undefined,
  }));
  const wallet = await keepWallet({
    storage,
    clock: manualClock(1_800_000_000_000),
    random: seededRandom(1),
    logger: silentLogger,
    fetch,
    agree: undefined,
    settings: () =>
      ({ payPerAnswer: '1', payPerProvider: '2', payInChannels: '3', prices: {}, ...settings }) as Settings,
    load: load as unknown as () => Promise<typeof Parts>,
  });
  const pay = () => wallet.purse.open(payout, { id: '1', peer: 'P', budget: 1n, tier: 'open' });
  return { wallet, log, load, failures, storage, openMoney, pay };
}

test('nothing that knows a chain is loaded before money is needed', async () => {
  const { wallet, load } = await desk();
  wallet.noteLock(true);
  wallet.notePayments(payments);
  await wallet.port.refresh();
  expect(wallet.view.current.phase).toBe('none');
  expect(load).not.toHaveBeenCalled();
});

test('a relay that names no chain, or one without the contracts, is said to name none', async () => {
  const { wallet, pay } = await desk();
  wallet.noteLock(true);
  expect(wallet.view.current.phase).toBe('starting');
  wallet.notePayments(undefined);
  expect(wallet.view.current).toMatchObject({ phase: 'no-chain', chain: undefined });
  await expect(wallet.port.useBurner()).rejects.toMatchObject({ code: 'no-chain' });
  wallet.notePayments({ ...payments, chain: 1 });
  expect(wallet.view.current.phase).toBe('no-chain');
  await expect(pay()).rejects.toMatchObject({ code: expect.any(String) });
});

test('a wallet that was chosen is there after a reload, and opened once for all that need it', async () => {
  const first = await desk();
  first.wallet.noteLock(true);
  first.wallet.notePayments(payments);
  await first.wallet.port.useBurner();
  expect(first.wallet.view.current).toMatchObject({
    phase: 'ready',
    account: { kind: 'burner', address: '0xb' },
    holdings,
  });
  const { wallet, openMoney } = await desk({ storage: first.storage });
  wallet.notePayments(payments);
  wallet.noteLock(true);
  await Promise.all([wallet.port.refresh(), wallet.port.refresh(), wallet.port.leave('0x1')]);
  expect(openMoney).toHaveBeenCalledTimes(1);
});

test('a tab without the lock opens nothing, and one that loses it closes what it had opened', async () => {
  const { wallet, log, pay } = await desk();
  wallet.notePayments(payments);
  expect(wallet.view.current.phase).toBe('elsewhere');
  await expect(wallet.port.useBurner()).rejects.toMatchObject({ code: 'wallet-elsewhere' });
  await expect(pay()).rejects.toMatchObject({ code: 'wallet-elsewhere' });
  expect(log).toEqual([]);
  wallet.noteLock(true);
  await wallet.port.useBurner();
  wallet.noteLock(false);
  await wallet.close();
  expect(wallet.view.current.phase).toBe('elsewhere');
  expect(log).toEqual(['open 0xb', 'close']);
  await expect(pay()).rejects.toMatchObject({ code: 'wallet-elsewhere' });
});

test('what failed is shown with what was tried, and the next try begins anew', async () => {
  const { wallet, failures, log } = await desk();
  wallet.noteLock(true);
  wallet.notePayments(payments);
  failures.open = payError('chain-unavailable');
  await expect(wallet.port.useBurner()).rejects.toMatchObject({ code: 'chain-unavailable' });
  expect(wallet.view.current).toMatchObject({
    phase: 'ready',
    pending: undefined,
    error: { code: 'chain-unavailable', action: 'choose' },
  });
  delete failures.open;
  await wallet.port.refresh();
  failures.leave = payError('rejected');
  await expect(wallet.port.leave('0x1')).rejects.toMatchObject({ code: 'rejected' });
  expect(wallet.view.current.error).toMatchObject({ code: 'rejected', action: 'leave' });
  delete failures.leave;
  await wallet.port.leave('0x1');
  expect(wallet.view.current.error).toBeUndefined();
  expect(log).toEqual(['open 0xb', 'leave 0x1']);
});

test('another wallet closes the one before it', async () => {
  const { wallet, log } = await desk();
  wallet.noteLock(true);
  wallet.notePayments(payments);
  await wallet.port.useBurner();
  await wallet.port.connect('fox');
  expect(wallet.view.current.account).toEqual({ kind: 'injected', id: 'fox', name: 'Fox', address: '0xi' });
  expect(log).toEqual(['open 0xb', 'close', 'open 0xi']);
});

test('test money is asked of the relay for this wallet, and noted down', async () => {
  const { wallet, log } = await desk();
  wallet.noteLock(true);
  wallet.notePayments(payments);
  await wallet.port.useBurner();
  await wallet.port.askFaucet();
  expect(log).toContain('faucet /pay/faucet');
  expect(wallet.view.current.history).toMatchObject([{ type: 'faucet', units: 7n }]);
});

test('a payment that fails is shown, and its code reaches who asked for it', async () => {
  const { wallet, pay } = await desk();
  wallet.noteLock(true);
  wallet.notePayments(payments);
  await expect(pay()).rejects.toMatchObject({ code: 'no-account' });
  await wallet.port.useBurner();
  await expect(pay()).rejects.toMatchObject({ code: 'insufficient-funds' });
  expect(wallet.view.current.error).toMatchObject({ code: 'insufficient-funds', action: 'pay' });
});

test('a price needs a till: without one the model counts as closed, never as free', async () => {
  const prices = { '*': { in: '0', out: '5' }, gift: { in: '0', out: '0' } };
  const { wallet, load } = await desk({ settings: { prices } });
  const { earner, till } = wallet;
  expect([earner.priceOf('m'), earner.priceOf('gift'), earner.priceOf('__proto__')]).toEqual([
    'closed',
    'free',
    'closed',
  ]);
  wallet.noteLock(true);
  wallet.notePayments(payments);
  await earner.prepare({ gift: prices.gift });
  expect(load).not.toHaveBeenCalled();
  await expect(earner.prepare(prices)).rejects.toMatchObject({ code: 'no-account' });
  await wallet.port.useBurner();
  await earner.prepare(prices);
  expect(till.payouts).toEqual([payout]);
  expect(earner.priceOf('m')).toEqual(prices['*']);
  wallet.noteLock(false);
  expect(till.payouts).toEqual([]);
  expect(earner.priceOf('m')).toBe('closed');
});

test('what is known of channels is nothing until the wallet is open, and why it is not is no error of asking', async () => {
  const { wallet } = await desk();
  const { channels } = wallet.purse;
  expect([channels!.to(payout, 1n), channels!.costs(1)]).toEqual(['none', undefined]);
  await expect(channels!.ready()).rejects.toMatchObject({ code: 'no-chain' });
});

test('a range whose ends are not in order is closed, and none is prepared for; one from nothing needs a till', async () => {
  const prices = {
    rising: { in: '1', out: '5', full: { in: '1', out: '6' } },
    falling: { in: '1', out: '5', full: { in: '2', out: '4' } },
    late: { in: '0', out: '0', full: { in: '0', out: '1' } },
  };
  const { wallet } = await desk({ settings: { prices } });
  const { earner, till } = wallet;
  wallet.noteLock(true);
  wallet.notePayments(payments);
  expect(earner.priceOf('late')).toBe('closed');
  await wallet.port.useBurner();
  await expect(earner.prepare(prices)).rejects.toMatchObject({ code: 'bad-price-range' });
  await earner.prepare({ late: prices.late });
  expect(till.payouts).toEqual([payout]);
  expect(['rising', 'falling', 'late'].map((model) => earner.priceOf(model))).toEqual([
    prices.rising,
    'closed',
    prices.late,
  ]);
});

test('what was earned is left with the relay by a wallet that is open, and opens none', async () => {
  const { wallet, log, load } = await desk();
  wallet.noteLock(true);
  wallet.notePayments(payments);
  wallet.earner.entrust();
  expect(load).not.toHaveBeenCalled();
  await wallet.port.useBurner();
  wallet.earner.entrust();
  await expect.poll(() => log).toContain('entrust');
});

test('with consent, what there is to pay with is read before the first question', async () => {
  const { storage, wallet: first } = await desk();
  first.noteLock(true);
  first.notePayments(payments);
  await first.port.useBurner();
  const { wallet } = await desk({ storage, settings: { payAnswers: true } });
  wallet.noteLock(true);
  wallet.notePayments(payments);
  await expect.poll(() => wallet.view.current.holdings).toEqual(holdings);
});
