import { parseArgs } from 'node:util';
import { measureBrowser, measureNative } from '../../tests/verified/curve.ts';
import { measureRows, writeRows } from '../../tests/verified/measured-rows.ts';
import { questions } from '../../tests/verified/questions.ts';
import { writeReport, writeSections } from '../../tests/verified/report.ts';
import { measureTogether, togetherTable } from '../../tests/verified/series.ts';
import { ensureChromium } from './chromium.ts';
import { runTool } from './tool.ts';

/*
 * `npm run verified-curve`: how often honest answers fail and how soon each cheat does, measured with the bundled model, and
 * written into docs/VERIFICATION.md, docs/verification-curve.svg and tests/vectors/verification. Best on an idle machine: threads that
 * wait for each other are slow on a busy one. `-- --series` measures instead what very many answers of one worker come to, and `-- --rows` how far
 * honest margins go between the kernels of llama.cpp that run here, which the product ships in relay/audit/bundled-rows.ts.
 */

const say = (text: string) => void process.stdout.write(`${text}\n`);
const { values } = parseArgs({
  options: { series: { type: 'boolean', default: false }, rows: { type: 'boolean', default: false } },
});
const written = ['docs/VERIFICATION.md'];
if (values.rows) {
  writeRows(await measureRows(questions().length, say));
  written.push('relay/audit/bundled-rows.ts');
} else if (values.series) {
  writeSections({ series: togetherTable(await measureTogether(1_600, say)) });
} else {
  process.env['CHROMIUM'] = await ensureChromium();
  const options = {
    questions: questions(),
    counts: { honest: Infinity, cheat: 160, threaded: 24, browser: 120 },
    say,
  };
  writeReport([...(await measureNative(options)), ...(await measureBrowser(options))]);
}
await runTool('prettier', ['--write', '--log-level=warn', ...written], { show: 'on-failure' });
