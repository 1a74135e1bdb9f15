import { median } from '../bench/row.ts';
import type { Speed } from './page/speed.ts';

export interface Result {
  readonly what: string;
  readonly passed: boolean;
  readonly note: string;
}

export interface Findings {
  readonly device: string;
  readonly browser: string;
  readonly results: readonly Result[];
  readonly speed: Speed | undefined;
  /** Tokens of each answer whose speed was taken. */
  readonly speedTokens: number;
}

/** The findings as the table that goes into a document. */
export function toTable(findings: Findings, engine: string, model: string): string {
  const { device, browser, results, speed, speedTokens } = findings;
  const lines = [
    `Device: ${device}. Browser: Chromium ${browser}. Engine: ${engine}. Model: ${model}.`,
    '',
    '| check | result | note |',
    '| --- | --- | --- |',
    ...results.map(
      ({ what, passed, note }) => `| ${what} | ${passed ? 'ok' : 'FAILED'} | ${note.replaceAll('|', '\\|')} |`,
    ),
  ];
  if (speed) {
    const of = (values: readonly number[]) =>
      `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;
    const ratios = speed.ours.map((value, index) => value / speed.bare[index]!);
    const promptRatios = speed.prompt.ours.map((value, index) => value / speed.prompt.bare[index]!);
    lines.push(
      '',
      '| tokens a second, median of pairs (least to most) | our engine in its worker | WebLLM alone in the page | ratio |',
      '| --- | --- | --- | --- |',
      `| decode, ${speedTokens} tokens | ${of(speed.ours)} | ${of(speed.bare)} | ${median(ratios).toFixed(3)} |`,
      `| prompt of ${speed.prompt.tokens} tokens | ${of(speed.prompt.ours)} | ${of(speed.prompt.bare)} | ${median(promptRatios).toFixed(3)} |`,
    );
  }
  return lines.join('\n');
}
