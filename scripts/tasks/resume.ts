import { parseArgs } from 'node:util';
import { describeReport, type Report } from '../../tests/resume/report.ts';
import { ensureBuilt } from './build.ts';
import { ensureChromium } from './chromium.ts';

/** Where workers are killed, and how many unless said otherwise. */
const grounds = { memory: 1_000, libp2p: 50, browser: 10 } as const;
type Ground = keyof typeof grounds;

async function killIn(ground: Ground, kills: number, seed: number): Promise<Report> {
  switch (ground) {
    case 'memory':
      return (await import('../../tests/resume/memory.ts')).resumeInMemory({ kills, seed });
    case 'libp2p':
      return (await import('../../tests/resume/libp2p.ts')).resumeOverLibp2p({ kills, seed });
    case 'browser':
      process.env['CHROMIUM'] = await ensureChromium();
      await ensureBuilt();
      return (await import('../../tests/resume/browser.ts')).resumeInBrowsers({ kills, seed });
  }
}

const { values } = parseArgs({
  options: { kills: { type: 'string' }, over: { type: 'string', default: 'memory' }, seed: { type: 'string' } },
});
const over = values.over as Ground;
const kills = Number(values.kills ?? grounds[over]);
const seed = Number(values.seed ?? 1);
if (!Object.hasOwn(grounds, over) || !Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('Usage: npm run resume -- [--over memory|libp2p|browser] [--kills N] [--seed N]\n');
  process.exit(2);
}
const report = await killIn(over, kills, seed);
process.stdout.write(`${describeReport(report)}\n`);
process.exit(report.complaints.length === 0 ? 0 : 1);
