import { join } from 'node:path';
import { stagePackage } from '../package/stage.ts';
import { ensureBuilt } from './build.ts';
import { printNow, projectRoot, runTool } from './tool.ts';

/** Writes `dist/tabloom-<version>.tgz`, which `npx` and `npm install` take: `npm run package`. */
const folder = join(projectRoot, 'dist/package');
await ensureBuilt();
printNow('Packing …\n');
await stagePackage({ root: projectRoot, folder, pages: join(projectRoot, 'build') });
const args = ['pack', folder, '--pack-destination', join(projectRoot, 'dist'), '--loglevel=error'];
const { code, output } = await runTool('/usr/bin/env', ['npm', ...args], { show: 'on-failure' });
if (code !== 0) process.exit(code);
printNow(`dist/${output.trim().split('\n').at(-1)}\n`);
