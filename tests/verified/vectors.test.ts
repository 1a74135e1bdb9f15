import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { demoModel } from '#lib/engine/catalog.ts';
import { auditedOf, type VerificationVectors } from './vectors.ts';
import { calibrate, judgeTogether } from './windows.ts';

/** What was measured holds: `npm run verified-curve` writes these anew. */
const folder = new URL('../vectors/verification/', import.meta.url);
const names = readdirSync(folder);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as VerificationVectors;
const all = names.map((name) => ({ name, vectors: read(name) }));
const rule = { manner: { type: 'greedy' } } as const;
/** Found without calibration; the others are too like this model for that, as docs/VERIFICATION.md says. */
const plain: readonly string[] = ['canned', 'truncated', 'dropped'];
/** Found with one. Q4_0 and Q8_0 are not within so many tokens. */
const subtle: readonly string[] = ['noise', 'prompt'];
const is = (names: readonly string[], file: string) => names.includes(file.replace('.json', ''));

test('there are vectors of this model, honest and not, and they are small', () => {
  expect(all.filter(({ vectors }) => vectors.isHonest).length).toBeGreaterThanOrEqual(3);
  expect(all.filter(({ vectors }) => !vectors.isHonest).length).toBeGreaterThanOrEqual(7);
  expect(new Set(all.map(({ vectors }) => vectors.model))).toEqual(new Set([demoModel.artefact]));
  expect(names.reduce((sum, name) => sum + statSync(new URL(name, folder)).size, 0)).toBeLessThan(300_000);
});

describe.each(all)('$name', ({ name, vectors }) => {
  const answers = auditedOf(vectors);

  test('has a margin for each token, and for the end that is claimed', () => {
    for (const { ids, ending, scores } of answers) {
      expect(scores.length).toBe(ids.length + (ending === 'stop' ? 1 : 0));
    }
  });

  if (vectors.isHonest) {
    test('no answer fails alone, and not all together', () => {
      for (const one of answers) expect(judgeTogether([one], rule).verdict).not.toBe('failed');
      expect(judgeTogether(answers, rule).verdict).toBe('passed');
    });
  } else {
    test('fails where it is plain', () => {
      expect(judgeTogether(answers, rule).verdict === 'failed').toBe(is(plain, name));
    });
  }
});

test('calibrated on one honest pair of llama.cpp, the other passes, and subtle cheats fail', () => {
  const of = (name: string) => auditedOf(read(`${name}.json`));
  const calibrated = { ...rule, calibration: calibrate(of('llama-1-by-1')) };
  expect(judgeTogether(of('llama-1-by-2'), calibrated).verdict).toBe('passed');
  for (const name of [...plain, ...subtle]) expect(judgeTogether(of(name), calibrated).verdict, name).toBe('failed');
});
