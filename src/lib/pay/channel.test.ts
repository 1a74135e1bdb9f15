import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  closingAmount,
  newChannel,
  reduce,
  refusal,
  restore,
  spendable,
  toStore,
  unclaimed,
  type ChannelEvent,
  type ChannelState,
} from './channel.ts';
import { closedMark, type OnChainState } from './spec.ts';

const opened = reduce(newChannel('session'), { type: 'opened', amount: 100n });
const after = (...events: readonly ChannelEvent[]) => events.reduce(reduce, opened);
const made = (cumulativeAmount: bigint): ChannelEvent => ({ type: 'voucher-made', cumulativeAmount });
const received = (cumulativeAmount: bigint): ChannelEvent => ({ type: 'voucher-received', cumulativeAmount });

describe('one channel', () => {
  test('goes from opening to its end', () => {
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
    expect([unclaimed(state), spendable(state)]).toEqual([30n, 60n]);
    const ended = reduce(state, { type: 'closed', claimed: 40n });
    expect(ended).toMatchObject({ phase: 'closed', balance: 40n, claimed: 40n, promised: 40n });
    expect([unclaimed(ended), spendable(ended)]).toEqual([0n, 0n]);
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
    ['less than nothing', opened, received(-1n), 'amount-zero'],
    ['before opening', newChannel('session'), made(1n), 'channel-missing'],
    ['received before opening', newChannel('session'), received(1n), 'channel-missing'],
    ['after the end', closed, made(1n), 'channel-closed'],
    ['received after the end', closed, received(1n), 'channel-closed'],
    ['while withdrawing', withdrawing, made(1n), 'withdrawal-pending'],
    ['with an expired session', expired, made(1n), 'session-expired'],
    ['after the deadline', expiredJob, received(1n), 'deadline-passed'],
    ['backwards', after(made(10n)), made(9n), 'voucher-regress'],
    ['received backwards', after(received(10n)), received(9n), 'voucher-regress'],
    ['below what was claimed', after({ type: 'claimed', claimed: 10n }), received(9n), 'voucher-regress'],
    ['more than there is', opened, made(101n), 'overdrawn'],
    ['received, more than there is', opened, received(2n ** 128n - 1n), 'overdrawn'],
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
    ['to end with more than there is', opened, closeAt(101n), 'final-amount-out-of-range'],
    ['to end before the opening', newChannel('session'), closeAt(0n), 'channel-missing'],
    ['to end twice', closed, closeAt(0n), 'channel-closed'],
    ['a session as delivered', opened, { type: 'delivered' }, 'job-only'],
    [
      'a job that has ended as delivered',
      reduce(job, { type: 'closed', claimed: 1n }),
      { type: 'delivered' },
      'channel-closed',
    ],
  ] as const)('refuses a promise: %s', (_, state, event, code) => {
    expect(refusal(state, event)).toBe(code);
    expect(reduce(state, event)).toBe(state);
  });

  test('takes a promise that comes while a withdrawal is on its way, and the whole balance', () => {
    expect(reduce(withdrawing, received(100n)).promised).toBe(100n);
    expect(after(made(100n)).promised).toBe(100n);
  });

  test('is the same after it was stored, and hears of its deposit in any order', () => {
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

  test('a reading of the chain takes back what a reorganisation undid, and no promise', () => {
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

/** The contract, as far as a channel can tell. */
interface Ledger {
  balance: bigint;
  claimed: bigint;
  withdrawableAt: number;
  paidOut: bigint;
}

type Step =
  | { readonly type: 'pay'; readonly amount: bigint }
  | { readonly type: 'top-up'; readonly amount: bigint }
  | { readonly type: 'claim' | 'announce' | 'withdraw' | 'agree' | 'close' | 'observe-payer' | 'observe-payee' }
  | { readonly type: 'deliver' | 'lose' | 'repeat'; readonly at: number }
  | { readonly type: 'news-payer' | 'news-payee' | 'old-news-payer' | 'old-news-payee'; readonly at: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ type: fc.constant('pay' as const), amount: fc.bigInt(-5n, 30n) }) },
  { weight: 12, arbitrary: fc.record({ type: fc.constant('top-up' as const), amount: fc.bigInt(1n, 80n) }) },
  {
    weight: 25,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'claim' as const,
        'claim' as const,
        'claim' as const,
        'observe-payer' as const,
        'observe-payee' as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom('announce' as const, 'withdraw' as const, 'agree' as const, 'close' as const),
    }),
  },
  {
    weight: 40,
    arbitrary: fc.record({
      type: fc.constantFrom('deliver' as const, 'lose' as const, 'repeat' as const),
      at: fc.nat(20),
    }),
  },
  {
    weight: 40,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'news-payer' as const,
        'news-payee' as const,
        'old-news-payer' as const,
        'old-news-payee' as const,
      ),
      at: fc.nat(40),
    }),
  },
);

function simulate(script: readonly Step[], check: (now: World) => void): World {
  const world: World = {
    ledger: { balance: 100n, claimed: 0n, withdrawableAt: 0, paidOut: 0n },
    news: [{ type: 'opened', amount: 100n }],
    heard: { payer: 0, payee: 0 },
    wire: [],
    deposited: 100n,
    payer: newChannel('session'),
    payee: newChannel('session'),
  };
  for (const step of script) {
    act(world, step);
    check(world);
  }
  return world;
}

interface World {
  ledger: Ledger;
  news: ChannelEvent[];
  heard: { payer: number; payee: number };
  wire: bigint[];
  deposited: bigint;
  payer: ChannelState;
  payee: ChannelState;
}

function act(world: World, step: Step): void {
  const { ledger } = world;
  const isClosed = ledger.withdrawableAt === closedMark;
  const end = (claimed: bigint) => {
    world.ledger = { balance: claimed, claimed, withdrawableAt: closedMark, paidOut: ledger.balance - claimed };
    world.news.push({ type: 'closed', claimed });
  };
  switch (step.type) {
    case 'pay': {
      const event: ChannelEvent = { type: 'voucher-made', cumulativeAmount: world.payer.promised + step.amount };
      if (refusal(world.payer, event)) return;
      world.payer = reduce(world.payer, event);
      world.wire.push(event.cumulativeAmount);
      return;
    }
    case 'top-up':
      if (isClosed || ledger.withdrawableAt !== 0) return;
      ledger.balance += step.amount;
      world.deposited += step.amount;
      world.news.push({ type: 'topped-up', balance: ledger.balance });
      return;
    case 'claim':
      if (isClosed || world.payee.promised <= ledger.claimed || world.payee.promised > ledger.balance) return;
      ledger.claimed = world.payee.promised;
      world.news.push({ type: 'claimed', claimed: ledger.claimed });
      return;
    case 'announce':
      if (isClosed || ledger.withdrawableAt !== 0) return;
      ledger.withdrawableAt = 1_000;
      world.news.push({ type: 'withdrawal-announced', withdrawableAt: 1_000 });
      return;
    case 'withdraw':
      if (!isClosed && ledger.withdrawableAt !== 0) end(ledger.claimed);
      return;
    case 'agree':
      world.payee = reduce(world.payee, { type: 'close-agreed', finalAmount: closingAmount(world.payee) });
      return;
    case 'close': {
      const { agreed } = world.payee;
      if (!isClosed && agreed !== null && agreed >= ledger.claimed) end(agreed);
      return;
    }
    case 'observe-payer':
    case 'observe-payee':
      look(world, step.type === 'observe-payer' ? 'payer' : 'payee');
      return;
    case 'deliver':
    case 'lose':
    case 'repeat': {
      const at = step.at % Math.max(1, world.wire.length);
      const amount = world.wire[at];
      if (amount === undefined) return;
      if (step.type !== 'repeat') world.wire.splice(at, 1);
      if (step.type !== 'lose') world.payee = reduce(world.payee, received(amount));
      return;
    }
    default: {
      const side = step.type.endsWith('payer') ? 'payer' : 'payee';
      // New news may skip some (a loss); old news is any that was told before (a duplicate, out of order).
      const isOld = step.type.startsWith('old');
      const from = isOld ? 0 : world.heard[side];
      const at = from + (step.at % Math.max(1, (isOld ? world.heard[side] : world.news.length) - from));
      const event = world.news[at];
      if (!event) return;
      world[side] = reduce(world[side], event);
      world.heard[side] = Math.max(world.heard[side], at + 1);
    }
  }
}

function look(world: World, side: 'payer' | 'payee'): void {
  const { balance, claimed, withdrawableAt } = world.ledger;
  const seen: OnChainState = { balance, claimed, withdrawableAt };
  world[side] = reduce(world[side], { type: 'observed', seen });
  world.heard[side] = world.news.length;
}

describe('two sides, any interleaving', () => {
  const scripts = fc.array(steps, { maxLength: 120, size: 'max' });

  test('promises and claims never go down, and never above what was deposited', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        let before = { payer: 0n, payee: 0n, ledger: 0n };
        simulate(script, ({ payer, payee, ledger, deposited }) => {
          expect(payer.promised >= before.payer).toBe(true);
          expect(payee.promised >= before.payee).toBe(true);
          expect(ledger.claimed >= before.ledger).toBe(true);
          expect(payer.promised <= deposited).toBe(true);
          expect(payee.promised <= payer.promised).toBe(true);
          // What is agreed to can be handed in at any time: it covers all that was ever taken.
          expect(payee.agreed === null || payee.promised <= payee.agreed).toBe(true);
          expect(ledger.claimed <= payee.promised).toBe(true);
          expect(ledger.balance + ledger.paidOut).toBe(deposited);
          before = { payer: payer.promised, payee: payee.promised, ledger: ledger.claimed };
        });
      }),
      { numRuns: 400, seed: 7 },
    );
  });

  test('what a side has seen of the chain does not go back because old news comes late', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const before = { payer: newChannel('session'), payee: newChannel('session') };
        simulate(script, (world) => {
          for (const side of ['payer', 'payee'] as const) {
            const [was, is] = [before[side], world[side]];
            expect(is.claimed >= was.claimed).toBe(true);
            expect(is.phase === 'closed' || is.balance >= was.balance).toBe(true);
            if (was.phase === 'closed') expect(is).toEqual(was);
            before[side] = is;
          }
        });
      }),
      { numRuns: 300, seed: 19 },
    );
  });

  test('both sides agree once each has looked and the newest voucher has arrived', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const world = simulate(script, () => undefined);
        look(world, 'payer');
        look(world, 'payee');
        if (world.payer.promised > 0n && world.payer.phase !== 'closed' && world.payee.agreed === null) {
          world.payee = reduce(world.payee, received(world.payer.promised));
          expect(world.payee).toEqual(world.payer);
        }
        const { promised: mine, agreed: _, ...payer } = world.payer;
        const { promised: theirs, agreed: __, ...payee } = world.payee;
        expect(payee).toEqual(payer);
        expect(theirs <= mine).toBe(true);
      }),
      { numRuns: 400, seed: 11 },
    );
  });

  test('hearing any event a second time changes nothing', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const { news, payee } = simulate(script, () => undefined);
        for (const event of [...news, received(payee.promised)]) {
          const once = reduce(payee, event);
          expect(reduce(once, event)).toEqual(once);
        }
      }),
      { numRuns: 200, seed: 13 },
    );
  });
});
