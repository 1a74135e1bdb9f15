import type { PayErrorCode } from './errors.ts';
import { closedMark, type OnChainState } from './spec.ts';

/**
 * One payment channel as one side sees it: a pure reducer. Messages and news from the chain may come late, twice, in any
 * order or never; every event carries totals, so that applying the newest is enough and applying an older one harmless.
 */
export interface ChannelState {
  readonly mode: 'session' | 'job';
  readonly phase: 'unopened' | 'open' | 'withdrawing' | 'closed';
  /** Deposited so far; after the end, what was claimed. Units. */
  readonly balance: bigint;
  /** Credited by the chain so far, as far as seen. */
  readonly claimed: bigint;
  /** The largest amount promised in all: signed by the payer, held by the payee. Never falls. */
  readonly promised: bigint;
  /** Unix seconds; null unless a withdrawal has been announced. */
  readonly withdrawableAt: number | null;
  /** True once nothing may be promised any more: the session key or the job's deadline has run out. */
  readonly expired: boolean;
}

export type ChannelEvent =
  | { readonly type: 'opened'; readonly amount: bigint }
  /** `balance` is the total after the top-up. */
  | { readonly type: 'topped-up'; readonly balance: bigint }
  | { readonly type: 'voucher-made'; readonly cumulativeAmount: bigint }
  | { readonly type: 'voucher-received'; readonly cumulativeAmount: bigint }
  | { readonly type: 'claimed'; readonly claimed: bigint }
  | { readonly type: 'withdrawal-announced'; readonly withdrawableAt: number }
  | { readonly type: 'closed'; readonly claimed: bigint }
  | { readonly type: 'expired' }
  /** The chain's whole state, read afresh. It alone may take back what the chain said, as a reorganisation does. */
  | { readonly type: 'observed'; readonly seen: OnChainState };

export const newChannel = (mode: ChannelState['mode']): ChannelState => ({
  mode,
  phase: 'unopened',
  balance: 0n,
  claimed: 0n,
  promised: 0n,
  withdrawableAt: null,
  expired: false,
});

/** The state after an event; an event that {@link refusal} names a code for changes nothing. */
export function reduce(state: ChannelState, event: ChannelEvent): ChannelState {
  if (refusal(state, event)) return state;
  switch (event.type) {
    case 'opened':
      return state.phase === 'unopened' ? { ...state, phase: 'open', balance: event.amount } : state;
    case 'topped-up':
      return state.phase === 'closed' || event.balance <= state.balance
        ? state
        : { ...state, phase: state.phase === 'unopened' ? 'open' : state.phase, balance: event.balance };
    case 'voucher-made':
    case 'voucher-received':
      return { ...state, promised: larger(state.promised, event.cumulativeAmount) };
    case 'claimed':
      return state.phase === 'closed' ? state : { ...state, claimed: larger(state.claimed, event.claimed) };
    case 'withdrawal-announced':
      return state.phase === 'closed' || state.mode === 'job'
        ? state
        : { ...state, phase: 'withdrawing', withdrawableAt: event.withdrawableAt };
    case 'closed':
      return { ...state, phase: 'closed', balance: event.claimed, claimed: event.claimed, withdrawableAt: null };
    case 'expired':
      return { ...state, expired: true };
    case 'observed':
      return observe(state, event.seen);
  }
}

/** Why an event is turned away, or null. Only promises are: what the chain did has happened. */
export function refusal(state: ChannelState, event: ChannelEvent): PayErrorCode | null {
  if (event.type === 'voucher-made') return refusalToMake(state, event.cumulativeAmount);
  if (event.type === 'voucher-received') return refusalToReceive(state, event.cumulativeAmount);
  return null;
}

/** What the payee has in hand and the chain does not know yet. Nothing reserves it. */
export const unclaimed = (state: ChannelState): bigint =>
  state.phase === 'closed' || state.promised <= state.claimed ? 0n : state.promised - state.claimed;

/** What the payer can still promise. */
export const spendable = (state: ChannelState): bigint =>
  state.phase !== 'open' || state.expired || state.balance <= state.promised ? 0n : state.balance - state.promised;

function refusalToMake(state: ChannelState, cumulative: bigint): PayErrorCode | null {
  if (cumulative <= 0n) return 'amount-zero';
  if (state.phase === 'unopened') return 'channel-missing';
  if (state.phase === 'closed') return 'channel-closed';
  if (state.phase === 'withdrawing') return 'withdrawal-pending';
  if (state.expired) return state.mode === 'job' ? 'deadline-passed' : 'session-expired';
  return refusalOfAmount(state, cumulative);
}

/** A promise that comes while a withdrawal is on its way can still be claimed, and so is taken. */
function refusalToReceive(state: ChannelState, cumulative: bigint): PayErrorCode | null {
  if (cumulative <= 0n) return 'amount-zero';
  if (state.phase === 'unopened') return 'channel-missing';
  if (state.phase === 'closed') return 'channel-closed';
  if (state.expired) return state.mode === 'job' ? 'deadline-passed' : 'session-expired';
  return refusalOfAmount(state, cumulative);
}

function refusalOfAmount(state: ChannelState, cumulative: bigint): PayErrorCode | null {
  if (cumulative < state.promised || cumulative < state.claimed) return 'voucher-regress';
  return cumulative > state.balance ? 'overdrawn' : null;
}

function observe(state: ChannelState, seen: OnChainState): ChannelState {
  const { balance, claimed, withdrawableAt } = seen;
  if (withdrawableAt === closedMark) {
    return { ...state, phase: 'closed', balance, claimed, withdrawableAt: null };
  }
  const phase = balance === 0n ? 'unopened' : withdrawableAt === 0 ? 'open' : 'withdrawing';
  return { ...state, phase, balance, claimed, withdrawableAt: withdrawableAt === 0 ? null : withdrawableAt };
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
