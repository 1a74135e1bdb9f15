import { printable } from '#lib/base/printable.ts';
import type { Finding } from './finding.ts';

const order = ['fail', 'warn', 'ok', 'skipped'] as const;

/** What is wrong first, each with what to do. Text of other programs is made safe for a terminal. */
export function writeReport(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ id }) => id.length));
  const lines = order.flatMap((state) =>
    findings
      .filter((finding) => finding.state === state)
      .flatMap(({ id, what, do: mend }) => [
        `${state.padEnd(8)} ${id.padEnd(width)}  ${printable(what)}`,
        ...(mend === undefined ? [] : [`${' '.repeat(8)} ${' '.repeat(width)}  ${printable(mend)}`]),
      ]),
  );
  return `${[...lines, '', summary(findings)].join('\n')}\n`;
}

export const writeJson = (findings: readonly Finding[]): string =>
  `${JSON.stringify({ ok: isFine(findings), findings }, undefined, 2)}\n`;

export const isFine = (findings: readonly Finding[]): boolean => findings.every(({ state }) => state !== 'fail');

function summary(findings: readonly Finding[]): string {
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const [failed, warned] = [count('fail'), count('warn')];
  if (failed > 0) return `${failed} ${failed === 1 ? 'problem' : 'problems'}, ${warned} to look at.`;
  return warned > 0 ? `No problem, ${warned} to look at.` : 'Everything is fine.';
}
