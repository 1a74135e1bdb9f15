import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { signerOf } from '../town.fixture.ts';
import type { AuditOutcomeEffect } from './auditing.ts';
import { openJudgeBook } from './judge-book.ts';
import { createPlanting } from './planting.ts';
import { cheatsAnswer, createAuditTown, judged } from './town.fixture.ts';

const minuteMs = 60_000;
const told = (type: 'derank' | 'restore', worker: string) =>
  ({ of: 'trial', effect: { type, worker } }) as unknown as AuditOutcomeEffect;

test('what passes is planted now and then, what fails of a convict alone, and not once an appeal has lifted that', () => {
  let draw = 0;
  const planting = createPlanting({ float: () => draw });
  expect(planting.plant('passed', 'w')).toBe('planted-innocent');
  expect(planting.plant('failed', 'w')).toBeUndefined();
  planting.note(told('derank', 'w'));
  expect(planting.plant('failed', 'w')).toBe('planted-guilty');
  expect(planting.plant('failed', 'other')).toBeUndefined();
  draw = 0.6;
  expect(planting.plant('passed', 'w')).toBeUndefined();
  expect(planting.plant('failed', 'w')).toBeUndefined();
  draw = 0;
  planting.note(told('restore', 'w'));
  expect(planting.plant('failed', 'w')).toBeUndefined();
});

test('a validator that finds everybody innocent is unfit after three wrong answers of a convict, and nobody else is', async () => {
  const town = await createAuditTown({ validators: 4 });
  const blind = town.judges[1]!;
  await Promise.all(
    town.judges.map((number) => town.join(number, number === blind ? { judge: () => judged('passed') } : {})),
  );
  const cheat = await town.worker(2, { appeals: false });
  const planting = createPlanting({ float: () => 0 });
  const judges = await openJudgeBook({ storage: createMemoryStorage(), logger: silentLogger });
  const outcomes: string[] = [];
  const asker = await town.join(40, {
    plant: planting.plant,
    unfit: judges.unfit,
    onEffect(effect) {
      planting.note(effect);
      judges.note(effect);
      if (effect.of === 'trial' && effect.effect.type === 'settled') outcomes.push(effect.effect.outcome);
    },
  });
  const follow = () => {
    const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
    asker.auditing.follow(envelope, shown);
  };
  follow();
  await town.clock.advance(30 * minuteMs);
  // The first one is meant, and waits for a day whether the cheat appeals.
  expect(outcomes).toEqual([]);
  for (let count = 0; count < 6; count++) follow();
  await town.clock.advance(30 * minuteMs);
  expect(new Set(outcomes)).toEqual(new Set(['planted']));
  const faults = Object.fromEntries(judges.entries().map(([validator, standing]) => [validator, standing.faults]));
  const { [signerOf(blind).peer]: ofBlind, ...others } = faults;
  expect(ofBlind?.['missed-plant']).toBeGreaterThanOrEqual(3);
  for (const one of Object.values(others)) expect(one).toEqual({});

  // From now on this relay's accusations leave it out, and all who hear them draw the same panel.
  expect(judges.unfit()).toEqual([signerOf(blind).peer]);
  const before = ofBlind!['missed-plant']!;
  for (let count = 0; count < 6; count++) follow();
  await town.clock.advance(30 * minuteMs);
  const later = Object.fromEntries(judges.entries())[signerOf(blind).peer]!;
  expect(later.faults['missed-plant']).toBe(before);
  expect(outcomes).toHaveLength(12);
});
