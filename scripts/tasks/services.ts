import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { printNow, runTool } from './tool.ts';

const postgresVersions = '/usr/lib/postgresql';

/** The folder with Postgres's programs; undefined where there is none. The newest version is taken. */
export function findPostgres(): string | undefined {
  const versions = existsSync(postgresVersions) ? readdirSync(postgresVersions) : [];
  return versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(postgresVersions, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
}

/** The path of a Redis or Valkey server; undefined where there is none. */
export const findRedis = (): string | undefined =>
  ['/usr/bin/redis-server', '/usr/bin/valkey-server', '/usr/local/bin/redis-server'].find((path) => existsSync(path));

/** Installs the servers that the integration tests use, where that is possible. Tests of a missing one are skipped. */
export async function ensureServices(print = printNow): Promise<void> {
  const missing = () => [
    ...(findPostgres() === undefined ? ['postgresql'] : []),
    ...(findRedis() === undefined ? ['redis-server'] : []),
  ];
  if (missing().length > 0 && process.getuid?.() === 0) {
    print(`No ${missing().join(' and no ')} found; installing …\n`);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', ...missing()],
    ]) {
      await runTool('/usr/bin/apt-get', args, { show: 'on-failure', print, env }).catch(() => undefined);
    }
  }
  const left = missing();
  if (left.length > 0) print(`Tests that need ${left.join(' and ')} are skipped. Install the packages to run them.\n`);
}
