import type { Calibration } from '#lib/trust/calibration.ts';
import type { Row } from './curve.ts';
import { shuffled } from './questions.ts';
import {
  calibrate,
  detection,
  detectionTokensMax,
  failedShare,
  judgeTogether,
  resampledFailures,
  type Rule,
  type Share,
} from './windows.ts';

export const auditSizes = [64, 128, 256, 512] as const;
const resampled = 10_000;

const percent = (share: number) => `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
const count = (tokens: number) => (tokens === Infinity ? `> ${detectionTokensMax}` : String(tokens));
const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
export const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
  [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');

export const manner = (temperature: number): Rule['manner'] =>
  temperature === 0 ? { type: 'greedy' } : { type: 'sampled', temperature };
const missed = ({ count: failed, of, low, high }: Share) =>
  of === 0 ? '–' : `${percent(1 - failed / of)} (${percent(1 - high)} to ${percent(1 - low)}, n = ${of})`;

/** Half of the honest greedy answers of llama.cpp in Node, where the cheats run too, calibrate; the other half is judged by it. */
export function splitHonest(rows: readonly Row[]): {
  readonly calibration: Calibration;
  readonly held: Row['answers'];
} {
  const answers = shuffled(
    rows
      .filter(({ name, isHonest, temperature }) => isHonest && temperature === 0 && name.startsWith('llama'))
      .flatMap((row) => row.answers),
    1,
  );
  const half = answers.length >> 1;
  return { calibration: calibrate(answers.slice(0, half)), held: answers.slice(half) };
}

/** Honest answers that fail, each judged alone. */
export function honestTable(rows: readonly Row[]): string {
  const honest = rows.filter(({ isHonest }) => isHonest);
  const found = honest.map(({ title, temperature, answers }) => {
    const rule = { manner: manner(temperature) };
    const failed = failedAlone(answers, rule);
    const { tokens, mean, max } = calibrate(answers);
    const margins = temperature === 0 ? [mean.toExponential(1), max.toFixed(4)] : ['–', '–'];
    const redrawn = resampledFailures(answers, 128, resampled / 10, rule);
    return {
      answers: answers.length,
      failed,
      cells: [title, temperature, answers.length, tokens, failed, ...margins, `${redrawn} of ${resampled / 10}`],
    };
  });
  const total = found.reduce((sum, one) => ({ answers: sum.answers + one.answers, failed: sum.failed + one.failed }), {
    answers: 0,
    failed: 0,
  });
  const bound =
    total.failed === 0 ? `at most ${percent(3 / total.answers)} (3/n, with 95 % confidence)` : 'more than none';
  return [
    table(
      [
        'Worker, and its validator',
        'Temperature',
        'Answers',
        'Tokens',
        'Failed',
        'Mean margin',
        'Largest',
        'Resampled audits of 128 tokens that fail',
      ],
      found.map(({ cells }) => cells),
    ),
    '',
    `${total.failed} of ${total.answers} honest answers failed: ${bound}. Resampled audits are drawn with repetition from the same margins and are no further evidence.`,
  ].join('\n');
}

export const failedAlone = (answers: Row['answers'], rule: Rule): number =>
  answers.filter((one) => judgeTogether([one], rule).verdict === 'failed').length;

/** Tokens to detection, and what audits of a size miss. */
export function cheatTable(rows: readonly Row[], temperature: number, calibration?: Calibration): string {
  const rule = { manner: manner(temperature), calibration };
  const found = rows
    .filter((row) => !row.isHonest && row.temperature === temperature)
    .map(({ title, answers }) => {
      const { median, low, high } = detection(answers, rule);
      const misses = auditSizes.map((tokens) => missed(failedShare(answers, tokens, rule)));
      return [title, `${count(median)} (${count(low)} to ${count(high)})`, ...misses];
    });
  return table(['Cheat', 'Audited tokens to detection', ...auditSizes.map((size) => `Missed at ${size}`)], found);
}
