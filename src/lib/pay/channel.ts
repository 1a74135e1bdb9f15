import type { PayErrorCode } from './errors.ts';
import { closedSentinel, type OnChainState } from './spec.ts';

/**
 * One payment channel as seen by one side: a pure reducer. Messages and chain events may arrive late, twice, out of
 * order or never. Events carry totals, so that applying the newest is sufficient and applying an older one is harmless.
 */
export interface ChannelState {
  readonly mode: 'session' | 'job';
  readonly phase: 'unopened' | 'open' | 'withdrawing' | 'closed';
  /** Deposited so far; once closed, the amount claimed. Units. */
  readonly balance: bigint;
  /** Credited on chain, as last observed. */
  readonly claimed: bigint;
  /** The largest total promised: signed by the payer, held by the payee. Never decreases. */
  readonly promised: bigint;
  /** Unix seconds; null unless a withdrawal has been announced. */
  readonly withdrawableAt: number | null;
  /** True once no more may be promised, because the session key or the job's deadline has expired. */
  readonly expired: boolean;
  /** At the payee: the job is done, so its single claim may be sent and no more vouchers are accepted. */
  readonly isDelivered: boolean;
  /** The final amount the payee has agreed to, in units, after which no more vouchers are accepted; null until then. */
  readonly agreed: bigint | null;
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
  | { readonly type: 'delivered' }
  | { readonly type: 'close-agreed'; readonly finalAmount: bigint }
  /**
   * The complete on-chain state, freshly read. The only event that can revert earlier observations, after a
   * reorganisation.
   */
  | { readonly type: 'observed'; readonly seen: OnChainState };

export const newChannel = (mode: ChannelState['mode']): ChannelState => ({
  mode,
  phase: 'unopened',
  balance: 0n,
  claimed: 0n,
  promised: 0n,
  withdrawableAt: null,
  expired: false,
  isDelivered: false,
  agreed: null,
});

/** The persistent part of a channel's state: the last observed chain state and this side's own commitments. */
export interface StoredState extends Pick<ChannelState, 'promised' | 'isDelivered' | 'agreed'> {
  readonly seen: OnChainState;
}

/** Restores stored state. Bypasses the reducer, because a promise stands whatever the chain has reported since. */
export const restore = (mode: ChannelState['mode'], { seen, ...own }: StoredState): ChannelState =>
  observe({ ...newChannel(mode), ...own }, seen);

/** The inverse of {@link restore}. */
export const toStore = (state: ChannelState): StoredState => {
  const { balance, claimed, promised, isDelivered, agreed } = state;
  const withdrawableAt = state.phase === 'closed' ? closedSentinel : (state.withdrawableAt ?? 0);
  return { seen: { balance, claimed, withdrawableAt }, promised, isDelivered, agreed };
};

/** The state after an event. An event refused by {@link voucherRefusal} changes nothing. */
export function reduce(state: ChannelState, event: ChannelEvent): ChannelState {
  if (voucherRefusal(state, event)) return state;
  switch (event.type) {
    case 'opened':
      return deposited(state, event.amount);
    case 'topped-up':
      return deposited(state, event.balance);
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
    case 'delivered':
      return { ...state, isDelivered: true };
    case 'close-agreed':
      return { ...state, agreed: event.finalAmount };
    case 'observed':
      return observe(state, event.seen);
  }
}

/** Why an event is refused, or null. Only this side's own actions can be refused; chain events are facts. */
export function voucherRefusal(state: ChannelState, event: ChannelEvent): PayErrorCode | null {
  switch (event.type) {
    case 'voucher-made':
      return refusalToMake(state, event.cumulativeAmount);
    case 'voucher-received':
      return refusalToReceive(state, event.cumulativeAmount);
    case 'delivered':
      return state.mode === 'job' ? refusalOfPhase(state) : 'job-only';
    case 'close-agreed':
      return refusalToClose(state, event.finalAmount);
    default:
      return null;
  }
}

/** Promised but not yet claimed on chain, in units. Nothing reserves this amount. */
export const unclaimed = (state: ChannelState): bigint =>
  state.phase === 'closed' || state.promised <= state.claimed ? 0n : state.promised - state.claimed;

/** The least this side may agree to as the final amount: everything promised and everything credited. */
export const closingAmount = ({ promised, claimed, agreed }: ChannelState): bigint =>
  larger(larger(promised, claimed), agreed ?? 0n);

function refusalToMake(state: ChannelState, cumulative: bigint): PayErrorCode | null {
  if (cumulative <= 0n) return 'amount-zero';
  const code = refusalOfPhase(state);
  if (code) return code;
  if (state.phase === 'withdrawing') return 'withdrawal-pending';
  return refusalOfTime(state) ?? refusalOfAmount(state, cumulative);
}

/** A promise received while a withdrawal is pending can still be claimed, so it is accepted. */
function refusalToReceive(state: ChannelState, cumulative: bigint): PayErrorCode | null {
  if (cumulative <= 0n) return 'amount-zero';
  const code = refusalOfPhase(state);
  if (code) return code;
  // A voucher received after the agreement, or after a job's only claim, could not be claimed.
  if (state.agreed !== null || state.isDelivered) return 'closing';
  return refusalOfTime(state) ?? refusalOfAmount(state, cumulative);
}

function refusalToClose(state: ChannelState, finalAmount: bigint): PayErrorCode | null {
  const code = refusalOfPhase(state);
  if (code) return code;
  const isOutside = finalAmount < closingAmount(state) || finalAmount > state.balance;
  return isOutside ? 'final-amount-out-of-range' : null;
}

function refusalOfPhase({ phase }: ChannelState): PayErrorCode | null {
  return phase === 'unopened' ? 'channel-missing' : phase === 'closed' ? 'channel-closed' : null;
}

function refusalOfTime({ expired, mode }: ChannelState): PayErrorCode | null {
  if (!expired) return null;
  return mode === 'job' ? 'deadline-passed' : 'session-expired';
}

function refusalOfAmount(state: ChannelState, cumulative: bigint): PayErrorCode | null {
  if (cumulative < state.promised || cumulative < state.claimed) return 'voucher-regress';
  return cumulative > state.balance ? 'overdrawn' : null;
}

/** Opening and top-up events may arrive in any order, even after a withdrawal announcement. */
function deposited(state: ChannelState, balance: bigint): ChannelState {
  if (state.phase === 'closed' || balance <= state.balance) return state;
  return { ...state, phase: state.phase === 'unopened' ? 'open' : state.phase, balance };
}

function observe(state: ChannelState, { balance, claimed, withdrawableAt }: OnChainState): ChannelState {
  if (withdrawableAt === closedSentinel) {
    return { ...state, phase: 'closed', balance, claimed, withdrawableAt: null };
  }
  if (withdrawableAt !== 0) return { ...state, phase: 'withdrawing', balance, claimed, withdrawableAt };
  return { ...state, phase: balance === 0n ? 'unopened' : 'open', balance, claimed, withdrawableAt: null };
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
