import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { courtRules } from '#contracts/words.ts';
import { entryJobs } from '#lib/trust/audit-share.ts';
import { economicsTables } from './economics-table.ts';
import {
  atLeast,
  auditShares,
  breakEven,
  cheatGain,
  cheats,
  detectionNeeded,
  falseAccusation,
  justAccusation,
  lazyLosesFrom,
  longRunShare,
  measuredCheats,
  selfConviction,
  seriesCheats,
  seriesGain,
  slashOf,
  unheardChallenge,
  validating,
  wronglyMax,
} from './economics.ts';
import { auditCost, gainByLevy } from './levy-economics.ts';

const whole = slashOf(1);

test('the numbers are those of the contracts', () => {
  expect(courtRules).toMatchObject({ counterBondBps: 1_000, penaltyBpsMin: 1_000, challengerBps: 6_000 });
  expect([whole, slashOf(0)]).toEqual([200, 20]);
});

describe('cheating loses', () => {
  test.each(cheats.map((cheat) => [cheat.name, cheat] as const))('by %s, among the first jobs', (_name, cheat) => {
    expect(cheatGain(cheat, auditShares.entry, whole)).toBeLessThan(0);
  });

  test.each(cheats.map((cheat) => [cheat.name, cheat] as const))('by %s, in the long run', (_name, cheat) => {
    expect(cheatGain(cheat, auditShares.floor, whole)).toBeLessThan(0);
  });

  test('and where it would begin to pay is where slash / gain = (1 − p·d) / (p·d)', () => {
    for (const { saved } of cheats) {
      const least = breakEven(saved, whole);
      expect(whole / saved).toBeCloseTo((1 - least) / least, 6);
      const at = (detection: number) => cheatGain({ name: '', saved, detection }, auditShares.floor, whole);
      const needed = detectionNeeded(saved, auditShares.floor, whole);
      expect(at(needed * 1.01)).toBeLessThan(0);
      expect(at(needed * 0.99)).toBeGreaterThan(0);
    }
  });

  test('but not for the least penalty, nor where hardly anything is audited: it is said, and where', () => {
    const [canned] = cheats;
    expect(cheatGain(canned!, auditShares.floor, slashOf(0))).toBeGreaterThan(0);
    expect(cheatGain(canned!, 0.001, whole)).toBeGreaterThan(0);
    expect(detectionNeeded(1, 0.001, whole)).toBeGreaterThan(1);
  });
});

const verification = readFileSync('docs/VERIFICATION.md', 'utf8');

test('what was measured is read from docs/VERIFICATION.md, audit by audit', () => {
  const found = measuredCheats(verification);
  expect(found.find(({ name }) => name === 'truncated answers')).toMatchObject({
    judged: 'greedy',
    tried: 22,
    found: 22,
  });
  expect(found.find(({ name }) => name === 'another system prompt')).toMatchObject({ tried: 42, found: 0 });
  expect(() => measuredCheats(verification.replace('| Truncation', '| Trunk'))).toThrow('Truncation');
});

test('by what was measured, what pays at the floor is what rows would find and an audit without them does not, and four bits', () => {
  const pays = (share: number) =>
    measuredCheats(verification).flatMap((one) => (cheatGain(atLeast(one), share, whole) < 0 ? [] : [one.name]));
  const withoutRows = ['canned replies in its own words', 'another system prompt', 'a coarser quantisation'];
  expect(pays(auditShares.entry)).toEqual(withoutRows);
  expect(pays(auditShares.floor)).toEqual([...withoutRows, 'the same, by published margins']);
});

test('a worker in doubt is a newcomer again, so that in the long run only a finer quantisation pays', () => {
  expect(longRunShare(0)).toBeCloseTo(auditShares.floor, 3);
  expect(longRunShare(1)).toBe(auditShares.entry);
  const pays = seriesCheats(verification).flatMap((one) => (seriesGain(one).gain < 0 ? [] : [one.name]));
  expect(pays).toEqual(['a finer quantisation']);
  expect(() => seriesCheats(verification.replaceAll('| Canned', '| Tinned'))).toThrow('Canned');
});

test('what the levy pays for is enough where all canaries are audited, and not at the floor: it is said', () => {
  for (const cheat of cheats)
    expect(gainByLevy(cheat, auditShares.floor, whole) > 0, cheat.name).toBe(cheat.saved > 0.05);
  for (const cheat of cheats) expect(gainByLevy(cheat, 1, whole), cheat.name).toBeLessThan(0);
  // Little more than what the floor costs: the canaries themselves are what is dear.
  expect(auditCost(1) - auditCost(auditShares.floor)).toBeLessThan(0.001 + 1e-9);
});

test('accusing an honest provider loses, unless one in four of such verdicts is wrong; accusing a cheat pays', () => {
  for (const share of [0, 0.1, 0.5, 1]) {
    expect(falseAccusation(share, 0.0001)).toBeLessThan(0);
    expect(falseAccusation(share, 0.2)).toBeLessThan(0);
    expect(wronglyMax(share)).toBeGreaterThan(0.2);
    expect(justAccusation(share)).toBeGreaterThan(0);
  }
});

test('no challenge of oneself is free, and one that nobody votes on decides nothing', () => {
  expect(selfConviction(0)).toBeLessThan(-10);
  expect(selfConviction(3)).toBeLessThan(-10);
  expect(unheardChallenge()).toBeLessThan(0);
});

test('immunising a receipt by the cheapest verdict would pay, if judges voted on it: so they vote on the dearest alone', () => {
  const [canned] = cheats;
  expect(cheatGain(canned!, auditShares.floor, -selfConviction())).toBeGreaterThan(0);
  // A dispute that gets no vote is dismissed and protects nothing: the dearest one decides, and then it loses.
  expect(cheatGain(canned!, auditShares.floor, whole) + unheardChallenge()).toBeLessThan(0);
  expect(cheatGain(canned!, auditShares.entry, -selfConviction())).toBeLessThan(0);
});

test('a validator that guesses earns more for a while, and less in the end', () => {
  const turns = lazyLosesFrom(1);
  expect(turns).toBeGreaterThan(1);
  expect(turns).toBeLessThan(entryJobs);
  expect(validating('lazy', 1_000, 1)).toBeLessThan(validating('honest', 1_000, 1) / 5);
});

test('docs/ECONOMICS.md says what comes out: `npm run economics` writes it', () => {
  const cells = (text: string) =>
    text.split('\n').map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---'));
  const document = new Set(cells(readFileSync('docs/ECONOMICS.md', 'utf8')));
  for (const body of Object.values(economicsTables(verification))) {
    for (const line of cells(body)) expect(document.has(line) || line.startsWith('| ---'), line).toBe(true);
  }
});
