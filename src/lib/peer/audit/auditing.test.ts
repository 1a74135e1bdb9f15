import { expect, test } from 'vitest';
import { signerOf } from '../town.fixture.ts';
import type { Scorer } from '../spec.ts';
import type { AuditOutcomeEffect } from './auditing.ts';
import { judgeByRows } from './judge.ts';
import { createAskAudit } from './stream.ts';
import { cheatsAnswer, createAuditTown, honestAnswer, judged, weights } from './town.fixture.ts';

const minuteMs = 60_000;
const trialsOf = (effects: readonly AuditOutcomeEffect[]) =>
  effects.flatMap((one) => (one.of === 'trial' ? [one.effect] : []));
const typesOf = (effects: readonly AuditOutcomeEffect[]) => trialsOf(effects).map(({ type }) => type);
const outcomesOf = (effects: readonly AuditOutcomeEffect[]) =>
  trialsOf(effects).flatMap((effect) => (effect.type === 'settled' ? [effect.outcome] : []));
const auditsOf = (effects: readonly AuditOutcomeEffect[]) =>
  effects.flatMap((one) => (one.of === 'audit' && one.effect.type === 'settled' ? [one.effect.outcome] : []));

test('seven validators convict a cheat, and again on appeal; all who follow agree; an honest worker passes', async () => {
  const town = await createAuditTown();
  const validators = await Promise.all(town.judges.map((number) => town.join(number)));
  const honest = await town.worker(1);
  const cheat = await town.worker(2);
  const asker = await town.join(40);
  const jobs = [honest.answer(asker.signer, honestAnswer), cheat.answer(asker.signer, cheatsAnswer)];
  for (const { envelope, shown } of jobs) asker.auditing.follow(envelope, shown);
  await town.clock.advance(60 * minuteMs);
  expect(auditsOf(asker.effects).sort()).toEqual(['convicted', 'passed']);
  for (const { effects } of [...validators, asker, honest, cheat]) {
    expect(outcomesOf(effects)).toEqual(['convicted']);
    const dispute = trialsOf(effects).find((effect) => effect.type === 'dispute');
    expect(dispute).toMatchObject({ worker: cheat.signer.peer, evidence: { votes: [{}, {}, {}] } });
    expect(typesOf(effects)).not.toContain('restore');
    expect(typesOf(effects)).not.toContain('fault');
  }
});

test('machines too busy to judge an appeal in time are called again, and the conviction holds', async () => {
  const town = await createAuditTown();
  const late = new Set<number>();
  let isAppealed = false;
  const busy = (number: number): Scorer => ({
    has: () => true,
    async score(...asked) {
      const isLate = isAppealed && !late.has(number);
      if (isLate) late.add(number);
      // Longer than a panel is waited for.
      if (isLate) await town.clock.delay(11 * minuteMs);
      return weights(number).score(...asked);
    },
  });
  await Promise.all(town.judges.map((number) => town.join(number, { scorer: busy(number) })));
  const cheat = await town.worker(2, {
    onEffect: (one) => (isAppealed ||= one.of === 'trial' && one.effect.type === 'derank'),
  });
  const asker = await town.join(40);
  const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
  asker.auditing.follow(envelope, shown);
  await town.clock.advance(120 * minuteMs);
  expect(late.size).toBe(7);
  expect(outcomesOf(asker.effects)).toEqual(['convicted']);
  expect(typesOf(asker.effects)).not.toContain('restore');
});

test('with a sleeper and a guesser among nine: the cheat is convicted, the honest one cleared, its accuser marked', async () => {
  const town = await createAuditTown({ validators: 9 });
  const [sleeper = 0, guesser = 0, ...others] = town.judges;
  const guess: Scorer = {
    has: () => true,
    score: async (_a, _r, { ids }) => ids?.map(() => ({ logprob: -9, best: -9 })),
  };
  await Promise.all(others.map((number) => town.join(number)));
  const lazy = await town.join(guesser, { scorer: guess });
  const honest = await town.worker(1);
  const cheat = await town.worker(2, { appeals: false });
  const silent = await town.worker(3);
  const [asker, harmful] = [await town.join(40), await town.join(41, { judge: () => judged('failed') })];
  const follow = (from: typeof honest, by: typeof asker, answer: readonly number[]) => {
    const { envelope, shown } = from.answer(by.signer, answer);
    by.auditing.follow(envelope, shown);
  };
  follow(cheat, asker, cheatsAnswer);
  follow(silent, asker, honestAnswer);
  follow(honest, harmful, honestAnswer);
  await town.clock.advance(7 * minuteMs);
  // It has committed, and answers nobody from now on.
  await silent.auditing.stop();
  await town.clock.advance(80 * minuteMs);
  expect(auditsOf(harmful.effects)).toEqual(['cleared']);
  expect(trialsOf(asker.effects)).toContainEqual({
    type: 'mark-accuser',
    accuser: harmful.signer.peer,
    code: 'false-accusation',
  });
  expect(auditsOf(asker.effects)).toEqual(['unresponsive']);
  const convicted = trialsOf(asker.effects).flatMap((effect) => (effect.type === 'derank' ? [effect.worker] : []));
  expect(convicted).toEqual([cheat.signer.peer]);
  const faults = trialsOf(asker.effects).flatMap((effect) => (effect.type === 'fault' ? [effect] : []));
  for (const { validator, code } of faults)
    expect([
      [signerOf(sleeper).peer, 'slept'],
      [lazy.signer.peer, 'stray-values'],
    ]).toContainEqual([validator, code]);
});

test('an auditor that finds more than may be tried at once accuses them in turn, and none is lost', async () => {
  const town = await createAuditTown();
  const validators = await Promise.all(town.judges.map((number) => town.join(number)));
  const honest = await town.worker(1);
  const accuser = await town.join(40, { judge: () => judged('failed') });
  for (let jobs = 0; jobs < 10; jobs++) {
    const { envelope, shown } = honest.answer(accuser.signer, honestAnswer);
    accuser.auditing.follow(envelope, shown);
  }
  await town.clock.advance(30 * minuteMs);
  await town.clock.advance(60 * minuteMs);
  const cleared = Array.from({ length: 10 }, () => 'cleared');
  expect(auditsOf(accuser.effects)).toEqual(cleared);
  for (const { effects } of [...validators, accuser]) expect(outcomesOf(effects)).toEqual(cleared);
});

test('convictions that wait for a day whether somebody appeals keep no other from its turn', async () => {
  const town = await createAuditTown();
  const validators = await Promise.all(town.judges.map((number) => town.join(number)));
  const cheat = await town.worker(2, { appeals: false });
  const asker = await town.join(40);
  for (let jobs = 0; jobs < 18; jobs++) {
    const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
    asker.auditing.follow(envelope, shown);
  }
  await town.clock.advance(30 * minuteMs);
  for (const { effects } of [...validators, asker])
    expect(typesOf(effects).filter((type) => type === 'derank')).toHaveLength(18);
  expect(auditsOf(asker.effects)).toEqual([]);
});

test('a validator that sits on eight panels of one accuser is shown all eight answers, one right after the other', async () => {
  const town = await createAuditTown({ validators: 3 });
  await Promise.all(town.judges.map((number) => town.join(number)));
  const cheat = await town.worker(2, { appeals: false });
  const asker = await town.join(40);
  for (let jobs = 0; jobs < 8; jobs++) {
    const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
    asker.auditing.follow(envelope, shown);
  }
  town.network.setConditions({ latencyMs: 50 });
  const seats = () => typesOf(asker.effects).filter((type) => type === 'seat').length;
  while (seats() < 8) await town.clock.advance(1_000);
  await town.clock.advance(60_000);
  expect(typesOf(asker.effects).filter((type) => type === 'derank')).toHaveLength(8);
});

test('of too many that are followed those that are accused already are the last to be let go', async () => {
  const town = await createAuditTown();
  await Promise.all(town.judges.map((number) => town.join(number)));
  const [cheat, honest] = [await town.worker(2, { appeals: false }), await town.worker(1)];
  const asker = await town.join(40, { followedMax: 2 });
  const follow = (from: typeof cheat, answer: readonly number[]) => {
    const { envelope, shown } = from.answer(asker.signer, answer);
    asker.auditing.follow(envelope, shown);
  };
  follow(cheat, cheatsAnswer);
  await town.clock.advance(20 * minuteMs);
  expect(typesOf(asker.effects)).toContain('derank');
  for (let jobs = 0; jobs < 3; jobs++) follow(honest, honestAnswer);
  await town.clock.advance(25 * 60 * minuteMs);
  expect(auditsOf(asker.effects)).toContain('convicted');
});

test('what is planted tests the panel, and convicts nobody', async () => {
  const town = await createAuditTown();
  await Promise.all(town.judges.map((number) => town.join(number, { judge: () => judged('passed') })));
  const cheat = await town.worker(2);
  const asker = await town.join(40, { plant: (score) => (score === 'failed' ? 'planted-guilty' : undefined) });
  const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
  asker.auditing.follow(envelope, shown);
  await town.clock.advance(60 * minuteMs);
  expect(outcomesOf(cheat.effects)).toEqual(['planted']);
  const faults = trialsOf(cheat.effects).flatMap((effect) => (effect.type === 'fault' ? [effect.code] : []));
  expect(faults).toEqual(['missed-plant', 'missed-plant', 'missed-plant']);
});

test('what only published margins show convicts before a panel that has them, and on the appeal too', async () => {
  // A tenth of a nat behind the best, as another quantisation would be.
  const close = (number: number): Scorer => ({
    has: () => true,
    score: async (_a, _r, { ids }) =>
      ids?.map((id) => ({ logprob: -(id < 1_000 ? 0.2 : 0.3) - number / 1e6, best: -0.2 - number / 1e6 })),
  });
  const kernel = { engine: 'llama', build: '1', deviceClass: 'cpu' };
  const worker = { engine: 'wllama', build: '2', deviceClass: 'cpu' };
  const measured = { tokens: 20_000, mean: 1e-6, sd: 1e-4, max: 0.05 };
  const rows = [{ artefact: 'a'.repeat(64), worker, validator: kernel, ...measured }];
  const town = await createAuditTown();
  const judge = judgeByRows(rows, () => ({ name: 'llama', build: '1', deviceClass: 'cpu' }));
  await Promise.all(town.judges.map((number) => town.join(number, { judge, scorer: close(number) })));
  const cheat = await town.worker(2);
  const asker = await town.join(40, { judge, scorer: close(40) });
  const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
  asker.auditing.follow(envelope, shown);
  await town.clock.advance(60 * minuteMs);
  expect(auditsOf(asker.effects)).toEqual(['convicted']);
});

test('a prompt is shown to nobody who is not seated, and a receipt is followed only by its own asker', async () => {
  const town = await createAuditTown();
  const cheat = await town.worker(2);
  const [asker, other] = [await town.join(40), await town.join(41)];
  const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
  expect(() => other.auditing.follow(envelope, shown)).toThrow(expect.objectContaining({ code: 'bad-request' }));
  const changed = { ...shown, parts: [{ ...shown.parts[0]!, text: 'Other' }] };
  expect(() => asker.auditing.follow(envelope, changed as never)).toThrow(
    expect.objectContaining({ code: 'bad-request' }),
  );
  asker.auditing.follow(envelope, shown);
  await town.clock.advance(9 * minuteMs);
  const [accused] = trialsOf(asker.effects);
  expect(accused).toMatchObject({ type: 'draw' });
  const ask = createAskAudit({ net: other.net, clock: town.clock });
  const seat = asker.effects.find((one) => one.of === 'trial' && one.effect.type === 'seat');
  if (seat?.of !== 'trial') throw new Error('nobody was seated');
  const answer = ask(asker.signer.peer, { t: 'show', audit: seat.trial.accusation.audit }).catch(({ code }) => code);
  await town.clock.advance(1_000);
  expect(await answer).toBe('refused-policy');
});

test('of a newcomer a quarter is audited, and of a worker that is known the share of the network', async () => {
  const town = await createAuditTown();
  await Promise.all(town.judges.map((number) => town.join(number, { share: 20_000 })));
  const [newcomer, old] = [await town.worker(1, { share: 20_000 }), await town.worker(2, { share: 20_000 })];
  const audited = (worker: string) =>
    worker === old.signer.peer ? { audited: 1_000, convictions: 0 } : { audited: 0, convictions: 0 };
  const asker = await town.join(40, { share: 20_000, known: audited });
  for (let count = 0; count < 60; count++)
    for (const worker of [newcomer, old]) {
      const { envelope, shown } = worker.answer(asker.signer, count === 0 ? honestAnswer : cheatsAnswer);
      asker.auditing.follow(envelope, shown);
    }
  await town.clock.advance(15 * minuteMs);
  const scored = asker.effects.flatMap((one) => (one.of === 'score' ? [one.receipt.record.worker] : []));
  const ofNewcomer = scored.filter((worker) => worker === newcomer.signer.peer).length;
  expect([ofNewcomer, scored.length - ofNewcomer]).toEqual([15, 0]);
  // What is accused of a newcomer is heard, though the network's own share would not have picked it: all of it, eight at a time,
  // each drawn for again on its appeal.
  expect(trialsOf(newcomer.effects).filter(({ type }) => type === 'draw').length).toBe(30);
});
