import { m } from '#messages';
import { locale } from '#language';
import type { ChannelView, MoneyEvent, WalletAction } from '#lib/state/wallet.ts';

export const eventText: Readonly<Record<MoneyEvent['type'], () => string>> = {
  'answer-paid': m.money_answer_paid,
  'answer-earned': m.money_answer_earned,
  'channel-opened': m.money_opened,
  'channel-topped-up': m.money_topped_up,
  'withdrawal-announced': m.money_announced,
  withdrawn: m.money_withdrawn,
  claimed: m.money_claimed,
  'paid-out': m.money_paid_out,
  faucet: m.money_faucet,
};

export const pendingText: Readonly<Record<WalletAction, () => string>> = {
  refresh: m.doing_refresh,
  choose: m.doing_choose,
  pay: m.doing_pay,
  faucet: m.doing_faucet,
  leave: m.doing_leave,
  withdraw: m.doing_withdraw,
  collect: m.doing_collect,
  'set-price': m.doing_price,
  export: m.doing_export,
};

export const channelText: Readonly<Record<ChannelView['phase'], () => string>> = {
  opening: m.channel_opening,
  open: m.channel_open,
  leaving: m.channel_leaving,
  due: m.channel_due,
  closed: m.channel_closed,
};

/** `0x1234…abcd`. */
export const shortAddress = (address: string): string => `${address.slice(0, 6)}…${address.slice(-4)}`;

/** The page of a transaction; undefined on a chain that has no explorer. */
export const transactionUrl = (explorerUrl: string | null, hash: string): string | undefined =>
  explorerUrl === null ? undefined : `${explorerUrl}/tx/${hash}`;

/** `Nov 29, 2026, 11:05 PM`, in the time of this device. */
export const timeText = (atMs: number): string =>
  new Date(atMs).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short' });
