import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWidget } from './build-widget.ts';
import { hashInputs, isFresh, writeStamp } from './build-stamp.ts';
import { printNow, projectRoot, runTool } from './tool.ts';

/** Builds the PWA and the widget unless `build/` is current. @throws `build-failed` with the builder's own output above it. */
export async function ensureBuilt(print = printNow): Promise<void> {
  const hash = hashInputs(projectRoot);
  if (isFresh(projectRoot, hash)) return;
  print('Building …\n');
  const { code, output } = await runTool('vite', ['build', '--logLevel', 'warn'], { show: 'on-failure', print });
  if (code !== 0) throw new Error(`build-failed: the build ended with code ${code}.\n${output.slice(-2_000)}`);
  await buildWidget(projectRoot, join(projectRoot, 'build'));
  writeStamp(projectRoot, hash);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ensureBuilt();
