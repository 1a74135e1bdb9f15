import { describe, expect, test } from 'vitest';
import {
  newChannel,
  reduce,
  voucherRefusal,
  restore,
  toStore,
  unclaimed,
  type ChannelEvent,
  type ChannelState,
} from './channel.ts';

const opened = reduce(newChannel('session'), { type: 'opened', amount: 100n });
const after = (...events: readonly ChannelEvent[]) => events.reduce(reduce, opened);
const made = (cumulativeAmount: bigint): ChannelEvent => ({ type: 'voucher-made', cumulativeAmount });
const received = (cumulativeAmount: bigint): ChannelEvent => ({ type: 'voucher-received', cumulativeAmount });

describe('one channel', () => {
  test('runs from opening to closing', () => {
    const state = after(made(10n), made(40n), { type: 'claimed', claimed: 10n });
    expect(state).toEqual({
      mode: 'session',
      phase: 'open',
      balance: 100n,
      claimed: 10n,
      promised: 40n,
      withdrawableAt: null,
      expired: false,
      isDelivered: false,
      agreed: null,
    });
    expect(unclaimed(state)).toBe(30n);
    const ended = reduce(state, { type: 'closed', claimed: 40n });
    expect(ended).toMatchObject({ phase: 'closed', balance: 40n, claimed: 40n, promised: 40n });
    expect(unclaimed(ended)).toBe(0n);
  });

  const closed = after({ type: 'closed', claimed: 0n });
  const withdrawing = after({ type: 'withdrawal-announced', withdrawableAt: 5 });
  const expired = after({ type: 'expired' });
  const expiredJob = [{ type: 'opened', amount: 9n } as const, { type: 'expired' } as const].reduce<ChannelState>(
    reduce,
    newChannel('job'),
  );
  const agreed = after(received(10n), { type: 'close-agreed', finalAmount: 10n });
  const job = reduce(newChannel('job'), { type: 'opened', amount: 9n });
  const closeAt = (finalAmount: bigint): ChannelEvent => ({ type: 'close-agreed', finalAmount });
  test.each([
    ['nothing', opened, made(0n), 'amount-zero'],
    ['a negative amount', opened, received(-1n), 'amount-zero'],
    ['before opening', newChannel('session'), made(1n), 'channel-missing'],
    ['received before opening', newChannel('session'), received(1n), 'channel-missing'],
    ['after closing', closed, made(1n), 'channel-closed'],
    ['received after closing', closed, received(1n), 'channel-closed'],
    ['while withdrawing', withdrawing, made(1n), 'withdrawal-pending'],
    ['with an expired session', expired, made(1n), 'session-expired'],
    ['after the deadline', expiredJob, received(1n), 'deadline-passed'],
    ['backwards', after(made(10n)), made(9n), 'voucher-regress'],
    ['received a smaller total', after(received(10n)), received(9n), 'voucher-regress'],
    ['below what was claimed', after({ type: 'claimed', claimed: 10n }), received(9n), 'voucher-regress'],
    ['more than the deposit', opened, made(101n), 'overdrawn'],
    ['received, more than the deposit', opened, received(2n ** 128n - 1n), 'overdrawn'],
    ['after an agreement to end', agreed, received(11n), 'closing'],
    ['after a job is delivered', reduce(job, { type: 'delivered' }), received(1n), 'closing'],
    ['to end with less than was promised', after(received(10n)), closeAt(9n), 'final-amount-out-of-range'],
    [
      'to end with less than was claimed',
      after({ type: 'claimed', claimed: 5n }),
      closeAt(4n),
      'final-amount-out-of-range',
    ],
    ['to end with less than was agreed', agreed, closeAt(9n), 'final-amount-out-of-range'],
    ['to end with more than the deposit', opened, closeAt(101n), 'final-amount-out-of-range'],
    ['to end before the opening', newChannel('session'), closeAt(0n), 'channel-missing'],
    ['to end twice', closed, closeAt(0n), 'channel-closed'],
    ['a session as delivered', opened, { type: 'delivered' }, 'job-only'],
    [
      'a closed job as delivered',
      reduce(job, { type: 'closed', claimed: 1n }),
      { type: 'delivered' },
      'channel-closed',
    ],
  ] as const)('refuses a promise: %s', (_, state, event, code) => {
    expect(voucherRefusal(state, event)).toBe(code);
    expect(reduce(state, event)).toBe(state);
  });

  test('accepts a promise during a pending withdrawal, up to the whole balance', () => {
    expect(reduce(withdrawing, received(100n)).promised).toBe(100n);
    expect(after(made(100n)).promised).toBe(100n);
  });

  test('survives storage, and learns of its deposits in any order', () => {
    for (const state of [
      newChannel('session'),
      opened,
      closed,
      withdrawing,
      agreed,
      reduce(job, { type: 'delivered' }),
    ]) {
      expect(restore(state.mode, toStore(state))).toEqual(state);
    }
    const late = (
      [
        { type: 'withdrawal-announced', withdrawableAt: 5 },
        { type: 'opened', amount: 100n },
      ] as const
    ).reduce<ChannelState>(reduce, newChannel('session'));
    expect(late).toEqual(withdrawing);
  });

  test('a chain reading reverts what a reorganisation undid, but no promise', () => {
    const before = after(
      received(50n),
      { type: 'claimed', claimed: 50n },
      { type: 'withdrawal-announced', withdrawableAt: 9 },
    );
    const again = reduce(before, { type: 'observed', seen: { balance: 100n, claimed: 0n, withdrawableAt: 0 } });
    expect(again).toMatchObject({ phase: 'open', claimed: 0n, promised: 50n, withdrawableAt: null });
    expect(unclaimed(again)).toBe(50n);
    const never = reduce(before, { type: 'observed', seen: { balance: 0n, claimed: 0n, withdrawableAt: 0 } });
    expect(never).toMatchObject({ phase: 'unopened', balance: 0n, promised: 50n });
  });
});
