import { deepStrictEqual as equal } from 'node:assert/strict';
import { addWork, forgetWork, topWork, workDay } from '../../relay/ledger/work.ts';
import { ledgerCase, type LedgerCase } from './ledger.ts';

const dayMs = 86_400_000;

/** What workers have done, as gateways that share a database add it up. */
export const workCases: readonly LedgerCase[] = [
  ledgerCase('work of several gateways and days is added up, and falls out by the day', async ({ db, clock }) => {
    const today = workDay(clock.now());
    const work = (worker: string, day: number, tokensOut: number) => ({
      worker,
      day,
      answers: 1,
      tokensIn: 5,
      tokensOut,
      lastAt: day + 7,
    });
    await addWork(db, []);
    await Promise.all([
      addWork(db, [work('b', today, 40), work('a', today, 10)]),
      addWork(db, [work('a', today, 20), work('b', today - dayMs, 1)]),
    ]);
    const [a, b] = [
      { worker: 'a', answers: 2, tokensIn: 10, tokensOut: 30, lastAt: today + 7 },
      { worker: 'b', answers: 1, tokensIn: 5, tokensOut: 40, lastAt: today + 7 },
    ];
    equal(await topWork(db, { since: today + 9, limit: 9 }), [b, a]);
    const both = [{ ...b, answers: 2, tokensIn: 10, tokensOut: 41 }, a];
    equal(await topWork(db, { since: today - 1, limit: 9 }), both);
    equal(await topWork(db, { since: today - 1, limit: 1 }), both.slice(0, 1));
    await forgetWork(db, today);
    equal(await topWork(db, { since: 0, limit: 9 }), [b, a]);
  }),
];
