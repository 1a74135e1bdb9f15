import { tryByRule, type Verdict } from './by-rule.ts';
import { nameOf } from './site.ts';

/**
 * Tries the mutants made by rule, of one contract or of all, and prints those that need a word: survivors, and excused ones
 * that a test catches after all. @returns whether none is left unexplained.
 */
export async function reportByRule(contract: string | undefined, print: (line: string) => void): Promise<boolean> {
  const perFile = new Map<string, Record<Verdict['outcome'], number>>();
  await tryByRule(
    ({ file }) => contract === undefined || file === `${contract}.sol`,
    ({ site, outcome, by }) => {
      const counts = perFile.get(site.file) ?? { killed: 0, survived: 0, equivalent: 0, 'wrongly-excused': 0 };
      perFile.set(site.file, { ...counts, [outcome]: counts[outcome] + 1 });
      if (outcome === 'survived') print(`SURVIVED at line ${site.line}: ${nameOf(site)}`);
      if (outcome === 'wrongly-excused') print(`EXCUSED but caught by ${by}: ${nameOf(site)}`);
    },
  );
  print(`${'by rule'.padEnd(24)} ${['killed', 'survived', 'equivalent'].map((word) => word.padStart(11)).join('')}`);
  const total = { killed: 0, survived: 0, equivalent: 0, 'wrongly-excused': 0 };
  for (const [file, counts] of perFile) {
    print(row(file, counts));
    for (const outcome of Object.keys(total) as (keyof typeof total)[]) total[outcome] += counts[outcome];
  }
  print(row('all', total));
  return perFile.size > 0 && total.survived + total['wrongly-excused'] === 0;
}

function row(name: string, { killed, survived, equivalent }: Record<Verdict['outcome'], number>): string {
  return `${name.padEnd(24)} ${[killed, survived, equivalent].map((count) => String(count).padStart(11)).join('')}`;
}
