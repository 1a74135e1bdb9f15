import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { auditedOf, type VerificationVectors } from './vectors.ts';
import {
  addMargins,
  calibratedRule,
  sequentialStart,
  uncalibratedRule,
  type SeriesRule,
} from '#lib/trust/sequential.ts';
import { shuffled } from './questions.ts';
import { calibrate, failedShare, judgeTogether } from './windows.ts';

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

test('there are vectors of one model, which the document names, honest and not, and they are small', () => {
  expect(all.filter(({ vectors }) => vectors.isHonest).length).toBeGreaterThanOrEqual(3);
  expect(all.filter(({ vectors }) => !vectors.isHonest).length).toBeGreaterThanOrEqual(7);
  const [model, ...others] = new Set(all.map(({ vectors }) => vectors.model));
  expect(others).toEqual([]);
  expect(readFileSync('docs/VERIFICATION.md', 'utf8')).toContain(`\`${model!.slice(0, 12)}\``);
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

test('what published margins add before a panel: nearly every canned reply, and a few answers of what is subtle', () => {
  const calibration = calibrate(auditedOf(read('llama-1-by-1.json')));
  const found = (name: string, tokens: number) =>
    [rule, { ...rule, calibration }].map((one) => failedShare(auditedOf(read(`${name}.json`)), tokens, one).count);
  // A single answer is an audit of one token or more.
  const single = Object.fromEntries(['canned', ...subtle, 'q4', 'q8'].map((name) => [name, found(name, 1)]));
  expect(single).toEqual({ canned: [0, 86], noise: [0, 5], prompt: [0, 4], q4: [0, 2], q8: [0, 0] });
  expect(found('canned', 64)).toEqual([0, 30]);
  for (const { name, vectors } of all)
    if (vectors.isHonest)
      for (const tokens of [1, 64]) expect(found(name.replace('.json', ''), tokens), name).toEqual([0, 0]);
});

/** Tokens of one worker until its series convicts, its answers drawn again and again in a new order; undefined where it does not. */
function tokensUntilConvicted({ answers }: VerificationVectors, rule: SeriesRule): number | undefined {
  let [state, tokens] = [sequentialStart, 0];
  for (let seed = 0; tokens < 50_000; seed++)
    for (const { ids, margins } of shuffled(answers, seed)) {
      state = addMargins(state, margins.slice(0, ids.length), rule);
      tokens += ids.length;
      if (state.verdict === 'convicted') return tokens;
    }
  return undefined;
}

test('a calibrated series finds what is subtle sooner, or at all, and convicts none of the honest', () => {
  const calibrated = calibratedRule(calibrate(auditedOf(read('llama-1-by-1.json'))));
  for (const { name, vectors } of all)
    if (vectors.isHonest) expect(tokensUntilConvicted(vectors, calibrated), name).toBeUndefined();
  const found = (name: string) =>
    [uncalibratedRule, calibrated].map((one) => tokensUntilConvicted(read(`${name}.json`), one));
  // The longer series of docs/VERIFICATION.md ask no question twice, and come to much the same.
  expect(Object.fromEntries(['canned', 'prompt', 'noise', 'q4', 'q8'].map((name) => [name, found(name)]))).toEqual({
    canned: [290, 87],
    prompt: [undefined, 2_437],
    noise: [undefined, 2_362],
    q4: [undefined, 4_122],
    q8: [undefined, undefined],
  });
});
