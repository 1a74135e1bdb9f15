import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { toErrorRecord } from '#lib/base/errors.ts';
import { runGpuChecks } from '../../tests/gpu/run-checks.ts';
import { readLibrary } from '../../tests/gpu/model/library.ts';
import { writeRandomModel } from '../../tests/gpu/model/write.ts';
import { readOptions, webLlmVersion } from '../../tests/gpu/options.ts';
import { serve } from '../../tests/gpu/serve.ts';
import { toTable } from '../../tests/gpu/table.ts';
import { ensureChromium } from './chromium.ts';
import { projectRoot, runTool } from './tool.ts';

const randomSeed = 1;

async function main(): Promise<boolean> {
  const options = readOptions(process.argv.slice(2), projectRoot);
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-gpu-'));
  try {
    const page = options.buildOnly ?? options.page ?? join(folder, 'page');
    if (options.page === undefined) {
      const { buildPage } = await import('../../tests/gpu/build-page.ts');
      // The builder reads a configuration that a fresh checkout does not have yet.
      await runTool('svelte-kit', ['sync'], { show: 'on-failure' });
      await buildPage(page, options.webLlm);
    }
    if (options.buildOnly !== undefined) return true;
    const weights = options.weights ?? join(folder, 'weights');
    if (options.weights === undefined) {
      await writeRandomModel(readLibrary(await readFile(options.library)), weights, randomSeed);
    }
    const served = await serve({ page, weights, library: options.library });
    const findings = await runGpuChecks(served, options, await ensureChromium(), ({ what, passed, note }) => {
      process.stderr.write(`${passed ? 'ok  ' : 'FAIL'}  ${what}${note === '' ? '' : `  (${note})`}\n`);
    });
    const model = `${basename(options.library, '.wasm')}, ${options.weights === undefined ? 'random weights' : 'weights given'}`;
    process.stdout.write(`${toTable(findings, `web-llm ${webLlmVersion(options.webLlm)}`, model)}\n`);
    await served.close();
    return findings.results.every(({ passed }) => passed);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  process.exit((await main()) ? 0 : 1);
} catch (error) {
  const { code, message } = toErrorRecord(error);
  process.stderr.write(`${code}: ${message}\n`);
  process.exit(1);
}
