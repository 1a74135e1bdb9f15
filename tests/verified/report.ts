import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { demoModel } from '#lib/engine/catalog.ts';
import type { Row } from './curve.ts';
import { plotCurve } from './plot.ts';
import { cheatTable, failedAlone, honestTable, manner, splitHonest } from './tables.ts';
import { vectorsOf } from './vectors.ts';

const root = new URL('../../', import.meta.url);
const document = new URL('docs/VERIFICATION.md', root);

/** Writes the tables into docs/VERIFICATION.md, the plot beside it, and the vectors. */
export function writeReport(rows: readonly Row[]): void {
  const { calibration, held } = splitHonest(rows);
  const sections = {
    honest: honestTable(rows),
    greedy: cheatTable(rows, 0),
    calibrated: [
      cheatTable(rows, 0, calibration),
      '',
      `Calibrated on half of the honest answers (${calibration.tokens} tokens: μ₀ ${calibration.mean.toExponential(1)}, σ ${calibration.sd.toExponential(1)}, largest ${calibration.max.toFixed(4)}). Of the other half, judged alone, ${failedAlone(held, { manner: manner(0), calibration })} of ${held.length} failed.`,
    ].join('\n'),
    sampled: cheatTable(rows, 1),
  };
  writeSections(sections);
  const whole = readFileSync(document, 'utf8');
  writeFileSync(
    document,
    whole.replace(/artefact `[0-9a-f]{12}`[^)]*\)/, `artefact \`${demoModel.artefact.slice(0, 12)}\`)`),
  );
  writeFileSync(new URL('docs/verification-curve.svg', root), plotCurve(rows));

  const vectors = new URL('tests/vectors/verification/', root);
  mkdirSync(vectors, { recursive: true });
  for (const row of rows.filter(({ temperature }) => temperature === 0)) {
    const tokens = row.isHonest ? 1_000 : 2_600;
    writeFileSync(
      new URL(`${row.name}.json`, vectors),
      `${JSON.stringify(vectorsOf(row, demoModel.artefact, tokens))}\n`,
    );
  }
}

/** By their names, into docs/VERIFICATION.md. */
export function writeSections(sections: Readonly<Record<string, string>>): void {
  let text = readFileSync(document, 'utf8');
  for (const [name, section] of Object.entries(sections)) {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
    text = text.replace(place, (_whole, before: string, after: string) => `${before}\n${section}\n\n${after}`);
  }
  writeFileSync(document, text);
}
