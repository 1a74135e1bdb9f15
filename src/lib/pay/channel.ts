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
  /** A job whose work is done, at the payee: its one claim may go out, and nothing more is taken. */
  readonly isDelivered: boolean;
  /** What the payee has agreed to end with, in units; null while nothing is agreed. Nothing more is taken after it. */
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
  isDelivered: false,
  agreed: null,
});

/** What is kept of a channel between two events: what was seen of the chain, and this side's own word. */
export interface StoredState extends Pick<ChannelState, 'promised' | 'isDelivered' | 'agreed'> {
  readonly seen: OnChainState;
}

/** The state as it was stored. Not a matter of events: a promise once made holds, whatever the chain has said since. */
export const restore = (mode: ChannelState['mode'], { seen, ...own }: StoredState): ChannelState =>
  observe({ ...newChannel(mode), ...own }, seen);

/** The other way round. */
export const toStore = (state: ChannelState): StoredState => {
  const { balance, claimed, promised, isDelivered, agreed } = state;
  const withdrawableAt = state.phase === 'closed' ? closedMark : (state.withdrawableAt ?? 0);
  return { seen: { balance, claimed, withdrawableAt }, promised, isDelivered, agreed };
};

/** The state after an event; an event that {@link voucherRefusal} names a code for changes nothing. */
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

/** Why an event is turned away, or null. Only what this side would say itself is: what the chain did has happened. */
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

/** What the payee has in hand and the chain does not know yet. Nothing reserves it. */
export const unclaimed = (state: ChannelState): bigint =>
  state.phase === 'closed' || state.promised <= state.claimed ? 0n : state.promised - state.claimed;

/** What the payer can still promise. */
export const spendable = (state: ChannelState): bigint =>
  state.phase !== 'open' || state.expired || state.balance <= state.promised ? 0n : state.balance - state.promised;

/** The least this side may agree to end with: all that it was promised and all that was credited. */
export const closingAmount = ({ promised, claimed, agreed }: ChannelState): bigint =>
  larger(larger(promised, claimed), agreed ?? 0n);

function refusalToMake(state: ChannelState, cumulative: bigint): PayErrorCode | null {
  if (cumulative <= 0n) return 'amount-zero';
  const code = refusalOfPhase(state);
  if (code) return code;
  if (state.phase === 'withdrawing') return 'withdrawal-pending';
  return refusalOfTime(state) ?? refusalOfAmount(state, cumulative);
}

/** A promise that comes while a withdrawal is on its way can still be claimed, and so is taken. */
function refusalToReceive(state: ChannelState, cumulative: bigint): PayErrorCode | null {
  if (cumulative <= 0n) return 'amount-zero';
  const code = refusalOfPhase(state);
  if (code) return code;
  // What came after the agreement, or after a job's only claim, could not be cashed.
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

/** The opening and the top-ups may be heard of in any order, and after an announcement. */
function deposited(state: ChannelState, balance: bigint): ChannelState {
  if (state.phase === 'closed' || balance <= state.balance) return state;
  return { ...state, phase: state.phase === 'unopened' ? 'open' : state.phase, balance };
}

function observe(state: ChannelState, { balance, claimed, withdrawableAt }: OnChainState): ChannelState {
  if (withdrawableAt === closedMark) {
    return { ...state, phase: 'closed', balance, claimed, withdrawableAt: null };
  }
  if (withdrawableAt !== 0) return { ...state, phase: 'withdrawing', balance, claimed, withdrawableAt };
  return { ...state, phase: balance === 0n ? 'unopened' : 'open', balance, claimed, withdrawableAt: null };
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
