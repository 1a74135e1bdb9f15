import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isTitle, isWritten, verdictOf, type Claim, type Proof } from './claim.ts';
import { claims } from './claims.ts';

const sources = new Map<string, string>();
function sourceOf(file: string): string {
  const known = sources.get(file) ?? (existsSync(file) ? readFileSync(file, 'utf8') : '');
  sources.set(file, known);
  return known;
}

test('every test that a claim rests on is there', () => {
  const missing = claims.flatMap(({ proofs }) => proofs.filter(([file, title]) => !isWritten(sourceOf(file), title)));
  expect(missing).toEqual([]);
});

test('what no test shows says so, and no claim rests twice on one test', () => {
  for (const { claim, proofs } of claims) {
    expect(new Set(proofs.map((proof) => proof.join())).size, claim).toBe(proofs.length);
  }
  expect(new Set(claims.map(({ claim }) => claim)).size).toBe(claims.length);
});

test('a claim passes with all its tests, and never without one', () => {
  const [one, two]: Proof[] = [
    ['a.test.ts', 'one'],
    ['b.test.ts', 'two'],
  ];
  const claim: Claim = { row: 'row', claim: 'claim', proofs: [one!, two!] };
  const verdict = (first: Parameters<typeof outcome>[0], second: Parameters<typeof outcome>[0], lacks?: string) =>
    verdictOf(lacks ? { ...claim, lacks } : claim, (proof) => (proof === one ? outcome(first) : outcome(second)));
  expect(verdict('passed', 'passed')).toBe('passed');
  expect(verdict('passed', 'passed', 'the rest')).toBe('passed in part');
  expect(verdict('passed', 'failed')).toBe('failed');
  expect(verdict('missing', 'failed')).toBe('failed');
  expect(verdict('passed', 'missing')).toBe('NOT SHOWN');
  expect(verdict('passed', undefined)).toBe('NOT SHOWN');
  expect(verdict('passed', 'left out')).toBe('not run');
  expect(verdictOf({ ...claim, proofs: [] }, () => 'passed')).toBe('NOT SHOWN');
});

test('a title with placeholders stands for its cases, and for nothing else', () => {
  expect(isTitle('resumes, ranges %s', 'resumes, ranges honoured')).toBe(true);
  expect(isTitle('Chromium ${name}: (direct)', 'Chromium of today: (direct)')).toBe(true);
  expect(isTitle('resumes, ranges %s', 'it resumes, ranges honoured')).toBe(false);
  expect(isTitle('a.b', 'axb')).toBe(false);
});

const outcome = <T extends ReturnType<Parameters<typeof verdictOf>[1]>>(one: T): T => one;
