import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import {
  createZoneBudget,
  judgeCheck,
  planCheck,
  type CheckPlan,
  type Examinee,
  type PlanOptions,
} from './audition.ts';
import { noStanding, standingLimits, withCanary } from './standing.ts';

const worker = (peer: string, level: Examinee['level'], over: Partial<Examinee> = {}): Examinee => ({
  peer,
  level,
  standing: undefined,
  zone: `zone of ${peer}`,
  isFree: true,
  ...over,
});
const options = (over: Partial<PlanOptions> = {}): PlanOptions => ({
  now: 0,
  random: seededRandom(1),
  hasRoom: () => true,
  brokenIn: () => 0,
  ...over,
});
const known = [worker('K1', 'established'), worker('K2', 'established')];
const subjects = (workers: readonly Examinee[], over: Partial<PlanOptions> = {}, rounds = 300) => {
  const shared = options(over);
  const counts: Record<string, number> = {};
  for (let i = 0; i < rounds; i++) {
    const peer = planCheck(workers, shared)?.subject.peer ?? 'nobody';
    counts[peer] = (counts[peer] ?? 0) + 1;
  }
  return counts;
};

describe('whom', () => {
  test('nobody, where there is nobody to compare with', () => {
    expect(planCheck([worker('S', 'stranger'), worker('T', 'on-trial')], options())).toBeUndefined();
    expect(planCheck(known.slice(0, 1), options())).toBeUndefined();
    expect(planCheck([worker('S', 'stranger'), worker('K', 'established', { isFree: false })], options())).toBe(
      undefined,
    );
  });

  test('strangers mostly, and those who are admitted in a third of the checks', () => {
    const counts = subjects([...known, worker('S', 'stranger'), worker('T', 'on-trial'), worker('V', 'vouched')]);
    expect(counts['S']! / 300).toBeCloseTo(2 / 3, 1);
    for (const peer of ['K1', 'K2', 'T', 'V']) expect(counts[peer]).toBeGreaterThan(10);
  });

  test('those who have begun before others, a zone before its keys', () => {
    const begun = withCanary(noStanding, 'passed', 0);
    const crowd = Array.from({ length: 30 }, (_, i) => worker(`C${i}`, 'stranger', { zone: 'crowd' }));
    const first = subjects([...known, ...crowd, worker('S', 'stranger', { standing: begun })]);
    expect(Object.keys(first).every((peer) => !peer.startsWith('C'))).toBe(true);
    const fair = subjects([...known, ...crowd, worker('S', 'stranger')]);
    expect(fair['S']).toBeGreaterThan(70);
  });

  test('nobody who has failed lately, whose zone has had its hour’s canaries, or who is busy', () => {
    const failed = withCanary(noStanding, 'failed', 0);
    const out = [
      worker('F', 'distrusted', { standing: failed }),
      worker('Z', 'stranger', { zone: 'spent' }),
      worker('B', 'stranger', { isFree: false }),
      worker('X', 'forked'),
    ];
    const hasRoom = (zone: string | undefined) => zone !== 'spent';
    expect(Object.keys(subjects([...known, ...out], { hasRoom })).sort()).toEqual(['K1', 'K2']);
    const later = subjects([...known, ...out], { hasRoom, now: standingLimits.canaryRestMs });
    expect(later['F']).toBeGreaterThan(100);
  });

  test('it is compared with others, two where there are two, of other zones first', () => {
    const near = worker('N', 'established', { zone: 'zone of S' });
    const { references } = planCheck([worker('S', 'stranger'), near, ...known], options())!;
    expect(references.map(({ peer }) => peer).sort()).toEqual(['K1', 'K2']);
    const own = planCheck([worker('S', 'stranger'), worker('O', 'own')], options())!;
    expect(own.references.map(({ peer }) => peer)).toEqual(['O']);
  });
});

describe('the verdict', () => {
  const [truth, lie] = ['one two three four', 'zip zap zop zup'];
  const plan = (level: Examinee['level'], references: number): CheckPlan => ({
    subject: worker('S', level),
    references: known.slice(0, references),
  });

  test('agreement with the first is enough', () => {
    expect(judgeCheck(plan('stranger', 2), { subject: truth, first: truth })).toBe('passed');
  });

  test('a difference needs a second voice, and both against it', () => {
    const check = plan('stranger', 2);
    expect(judgeCheck(check, { subject: lie, first: truth })).toBe('second');
    expect(judgeCheck(check, { subject: lie, first: truth, second: truth })).toBe('failed');
    expect(judgeCheck(check, { subject: truth, first: lie, second: truth })).toBe('passed');
    expect(judgeCheck(check, { subject: 'a b c d', first: lie, second: truth })).toBe('undecided');
  });

  test('one voice alone fails a stranger, and nobody who has standing', () => {
    expect(judgeCheck(plan('stranger', 1), { subject: lie, first: truth })).toBe('failed');
    expect(judgeCheck(plan('established', 1), { subject: lie, first: truth })).toBe('undecided');
  });

  test('an answer that did not come is held against nobody here', () => {
    for (const answers of [
      { subject: undefined, first: truth },
      { subject: lie, first: undefined },
    ]) {
      expect(judgeCheck(plan('stranger', 2), answers)).toBe('undecided');
    }
  });
});

test('a zone has so many canaries an hour, however many keys it has', () => {
  const budget = createZoneBudget();
  let spent = 0;
  while (budget.hasRoom('z', 1_000) && spent < 100) {
    budget.spend('z', 1_000);
    spent += 1;
  }
  expect(spent).toBe(12);
  expect([budget.hasRoom('other', 1_000), budget.hasRoom('z', 1_000 + 3_600_000)]).toEqual([true, true]);
});
