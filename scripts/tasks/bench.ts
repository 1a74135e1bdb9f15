import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { toMarkdown, type Row } from '../../tests/bench/row.ts';
import { ensureBuilt } from './build.ts';
import { ensureChromium } from './chromium.ts';
import { projectRoot } from './tool.ts';

const folder = join(projectRoot, 'tests/bench');
const wanted = process.argv.slice(2);

process.env['CHROMIUM'] = await ensureChromium();
await ensureBuilt();
const rows: Row[] = [];
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith('.bench.ts'))
  .sort()) {
  const name = file.replace('.bench.ts', '');
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`measuring ${name} …\n`);
  const { default: measure } = (await import(join(folder, file))) as { default: () => Promise<readonly Row[]> };
  rows.push(...(await measure()));
}
process.stdout.write(`${toMarkdown(rows)}\n`);
process.exit(0);
