import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium } from '@playwright/test';

const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome'];

/** Path of a Chromium to test with: `CHROMIUM`, the system's, Playwright's own; undefined where there is none. */
export function findChromium(): string | undefined {
  const own = process.env['CHROMIUM'];
  return [...(own ? [own] : []), ...known, chromium.executablePath()].find((path) => existsSync(path));
}

/** Finds a Chromium, or installs one. @throws saying how to get one where neither works. */
export function ensureChromium(): string {
  const found = findChromium();
  if (found) return found;
  process.stdout.write('No Chromium found; installing one …\n');
  const root = process.getuid?.() === 0;
  const tries: readonly (readonly string[])[] = root
    ? [
        ['apt-get', 'update', '-qq'],
        ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'chromium'],
      ]
    : [['npx', 'playwright', 'install', 'chromium']];
  for (const [command, ...args] of tries) {
    spawnSync(command!, args, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  }
  const installed = findChromium();
  if (installed) return installed;
  throw new Error(
    'chromium-missing: the browser tests need Chromium. Install the package "chromium", or set CHROMIUM to the path of one.',
  );
}
