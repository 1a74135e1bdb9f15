import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closingAmount, newChannel, reduce, voucherRefusal, type ChannelEvent, type ChannelState } from './channel.ts';
import { closedSentinel, type OnChainState } from './spec.ts';

const received = (cumulativeAmount: bigint): ChannelEvent => ({ type: 'voucher-received', cumulativeAmount });

/** A model of the contract, as far as one channel can observe it. */
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
    seen: { payer: 0, payee: 0 },
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
  seen: { payer: number; payee: number };
  wire: bigint[];
  deposited: bigint;
  payer: ChannelState;
  payee: ChannelState;
}

function act(world: World, step: Step): void {
  const { ledger } = world;
  const isClosed = ledger.withdrawableAt === closedSentinel;
  const end = (claimed: bigint) => {
    world.ledger = { balance: claimed, claimed, withdrawableAt: closedSentinel, paidOut: ledger.balance - claimed };
    world.news.push({ type: 'closed', claimed });
  };
  switch (step.type) {
    case 'pay': {
      const event: ChannelEvent = { type: 'voucher-made', cumulativeAmount: world.payer.promised + step.amount };
      if (voucherRefusal(world.payer, event)) return;
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
      // New events may skip some (loss); old ones repeat any earlier event (duplicate, out of order).
      const isOld = step.type.startsWith('old');
      const from = isOld ? 0 : world.seen[side];
      const at = from + (step.at % Math.max(1, (isOld ? world.seen[side] : world.news.length) - from));
      const event = world.news[at];
      if (!event) return;
      world[side] = reduce(world[side], event);
      world.seen[side] = Math.max(world.seen[side], at + 1);
    }
  }
}

function look(world: World, side: 'payer' | 'payee'): void {
  const { balance, claimed, withdrawableAt } = world.ledger;
  const seen: OnChainState = { balance, claimed, withdrawableAt };
  world[side] = reduce(world[side], { type: 'observed', seen });
  world.seen[side] = world.news.length;
}

describe('two sides, any interleaving', () => {
  const scripts = fc.array(steps, { maxLength: 120, size: 'max' });

  test('promises and claims never decrease and never exceed the deposit', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        let before = { payer: 0n, payee: 0n, ledger: 0n };
        simulate(script, ({ payer, payee, ledger, deposited }) => {
          expect(payer.promised >= before.payer).toBe(true);
          expect(payee.promised >= before.payee).toBe(true);
          expect(ledger.claimed >= before.ledger).toBe(true);
          expect(payer.promised <= deposited).toBe(true);
          expect(payee.promised <= payer.promised).toBe(true);
          // An agreed closure can be submitted at any time, since it covers everything ever accepted.
          expect(payee.agreed === null || payee.promised <= payee.agreed).toBe(true);
          expect(ledger.claimed <= payee.promised).toBe(true);
          expect(ledger.balance + ledger.paidOut).toBe(deposited);
          before = { payer: payer.promised, payee: payee.promised, ledger: ledger.claimed };
        });
      }),
      { numRuns: 400, seed: 7 },
    );
  });

  test('late events do not revert what a side has observed', () => {
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

  test('both sides agree once each has read the chain and the newest voucher has arrived', () => {
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

  test('applying any event twice changes nothing', () => {
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
