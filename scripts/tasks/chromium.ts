import { existsSync } from 'node:fs';
import { chromium } from '@playwright/test';
import { printNow, runTool } from './tool.ts';

const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome'];

/** Path of a Chromium to test with: `CHROMIUM`, the system's, Playwright's own; undefined where there is none. */
export function findChromium(): string | undefined {
  const own = process.env['CHROMIUM'];
  return [...(own ? [own] : []), ...known, chromium.executablePath()].find((path) => existsSync(path));
}

/** Finds a Chromium, or installs one. @throws saying how to get one where neither works. */
export async function ensureChromium(print = printNow): Promise<string> {
  const found = findChromium();
  if (found) return found;
  print('No Chromium found; installing one …\n');
  const root = process.getuid?.() === 0;
  const tries: readonly (readonly string[])[] = root
    ? [
        ['/usr/bin/apt-get', 'update', '-qq'],
        ['/usr/bin/apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'chromium'],
      ]
    : [['playwright', 'install', 'chromium']];
  for (const [command, ...args] of tries) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    // A missing installer counts as a failed one; the error below says what to do.
    await runTool(command!, args, { show: 'on-failure', print, env }).catch(() => undefined);
  }
  const installed = findChromium();
  if (installed) return installed;
  throw new Error(
    'chromium-missing: the browser tests need Chromium. Install the package "chromium", or set CHROMIUM to the path of one.',
  );
}
