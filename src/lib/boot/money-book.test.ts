import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createMoneyBook } from './money-book.ts';

const dayMs = 86_400_000;

function desk() {
  const storage = createMemoryStorage();
  const clock = manualClock(Date.UTC(2026, 10, 29, 23, 0));
  const open = (chain = 1) => createMoneyBook({ storage, clock, random: seededRandom(1), chain });
  return { storage, clock, open };
}
const event = (
  type: Parameters<ReturnType<typeof createMoneyBook>['note']>[0]['type'],
  units?: bigint,
  model?: string,
) => ({ type, units, model, hash: undefined });

test('what answers cost and earn is summed by day and by model, and by chain', async () => {
  const { clock, open } = desk();
  const book = open();
  await book.note(event('answer-paid', 128n));
  await book.note(event('answer-paid', 2n));
  await book.note(event('answer-earned', 7n, 'a'));
  await clock.advance(dayMs);
  await book.note(event('answer-earned', 1n, 'a'));
  await book.note(event('answer-earned', 5n, '__proto__'));
  await book.note(event('channel-opened', 1_000n));
  expect(await book.days()).toEqual([
    { day: '2026-11-29', spent: 130n, earned: [{ model: 'a', units: 7n }] },
    {
      day: '2026-11-30',
      spent: 0n,
      earned: expect.arrayContaining([{ model: 'a', units: 1n }]),
    },
  ]);
  expect(await open(2).days()).toEqual([]);
  expect(await open(2).history()).toEqual([]);
});

test('the newest events come first, and only so many are kept', async () => {
  const { storage, clock, open } = desk();
  const book = open();
  for (let n = 1; n <= 701; n++) {
    await clock.advance(1);
    await book.note(event('answer-paid', BigInt(n)));
  }
  const history = await book.history();
  expect(history).toHaveLength(500);
  expect(history.slice(0, 2).map(({ units }) => units)).toEqual([701n, 700n]);
  expect((await storage.list('pay', { prefix: 'event/', limit: 2_000 })).length).toBeLessThanOrEqual(600);
  expect((await book.days())[0]!.spent).toBe(246_051n);
});

test('what cannot be read is left out', async () => {
  const { storage, open } = desk();
  await open().note(event('faucet', 5n));
  await storage.put('pay', 'event/1/999999999999999-x', { at: 'never' });
  await storage.put('pay', 'day/1/2026-11-29', { spent: -1 });
  expect(await open().history()).toMatchObject([{ type: 'faucet', units: 5n }]);
  expect(await open().days()).toEqual([]);
  await open().note(event('answer-paid', 3n));
  expect(await open().days()).toEqual([{ day: '2026-11-29', spent: 3n, earned: [] }]);
});
