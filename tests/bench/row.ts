/** One line of the table: what was measured, what came out, what is wanted. */
export interface Row {
  readonly what: string;
  readonly value: string;
  readonly goal: string;
  /** Spread or circumstances. */
  readonly note: string;
}

export function toMarkdown(rows: readonly Row[]): string {
  const cells = rows.map(({ what, value, goal, note }) => `| ${what} | ${value} | ${goal} | ${note} |`);
  return ['| measured | value | goal | note |', '| --- | --- | --- | --- |', ...cells].join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const spread = (values: readonly number[], digits: number): string =>
  `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)} in ${values.length} runs`;

/** The values below and above which a quarter of them lies. */
export function quartiles(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!.toFixed(digits);
  return `${at(0.25)} to ${at(0.75)}`;
}
