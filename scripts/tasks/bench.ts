import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { toMarkdown, type Row } from '../../tests/bench/row.ts';
import { ensureBuilt } from './build.ts';
import { ensureChromium } from './chromium.ts';
import { projectRoot } from './tool.ts';

interface Benchmark {
  readonly default: () => Promise<readonly Row[]>;
  /** Whether it opens pages in Chromium. */
  readonly needs?: 'pages';
}

const folder = join(projectRoot, 'tests/bench');
const wanted = process.argv.slice(2);
/** `gateway` stands for `gateway-whole` and its like too. */
const isWanted = (name: string) => wanted.some((one) => name === one || name.startsWith(`${one}-`));

const names = readdirSync(folder)
  .filter((name) => name.endsWith('.bench.ts'))
  .map((name) => name.replace('.bench.ts', ''))
  .sort();
const chosen = wanted.length === 0 ? names : names.filter(isWanted);
if (chosen.length === 0) throw new Error(`There is no such benchmark. There are: ${names.join(', ')}.`);
const rows: Row[] = [];
for (const name of chosen) {
  const { default: measure, needs } = (await import(join(folder, `${name}.bench.ts`))) as Benchmark;
  if (needs === 'pages') {
    process.env['CHROMIUM'] = await ensureChromium();
    await ensureBuilt();
  }
  process.stderr.write(`measuring ${name} …\n`);
  rows.push(...(await measure()));
}
process.stdout.write(`${toMarkdown(rows)}\n`);
process.exit(0);
