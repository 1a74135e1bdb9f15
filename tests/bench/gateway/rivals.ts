import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Gateways to compare with, at fixed versions. They are installed beside the project, in a folder of their own: neither
 * its users nor its lock file need them. Portkey streams only with an older `@hono/node-server` than it asks for.
 */
const manifest = {
  name: 'gateways-to-compare-with',
  private: true,
  dependencies: { '@portkey-ai/gateway': '1.15.2', '@musistudio/llms': '1.0.53' },
  overrides: { '@hono/node-server': '1.13.8' },
};

/** The folder they are installed in, or why they are not: the comparison is then left out, and the table says so. */
export function installRivals(): { readonly folder: string } | { readonly missing: string } {
  const folder = join(tmpdir(), 'tabloom-bench-gateways');
  if (existsSync(join(folder, 'node_modules/@portkey-ai/gateway'))) return { folder };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], {
      cwd: folder,
    });
    return { folder };
  } catch (error) {
    return { missing: error instanceof Error ? error.message.split('\n')[0]! : String(error) };
  }
}
