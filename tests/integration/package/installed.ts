import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stagePackage } from '../../../scripts/package/stage.ts';
import { projectRoot } from '../../../scripts/tasks/tool.ts';
import type { Installed } from '../../fixtures/relay-process.ts';

export const isRoot = process.getuid?.() === 0;
export const nobody = { uid: 65_534, gid: 65_534 };

/**
 * The package as people get it: packed, installed without a network into a folder that whoever runs it cannot write, and run by
 * somebody else where this is root. Its pages are a stand-in; those of a build are tested as such.
 */
export interface InstalledPackage {
  readonly installed: Installed;
  /** Of the tarball. */
  readonly files: readonly string[];
  /** Where it was installed. */
  readonly home: string;
  /** A folder that its user may make. */
  data(name: string): string;
  dispose(): Promise<void>;
}

export async function installPackage(): Promise<InstalledPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'tabloom-package-'));
  await chmod(folder, 0o755);
  const run = (command: string, args: readonly string[], cwd = folder) => {
    const env = { ...process.env, npm_config_cache: join(folder, 'cache'), npm_config_update_notifier: 'false' };
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  };
  const pack = (from: string): string => {
    const args = ['pack', from, '--pack-destination', folder, '--loglevel=error', '--ignore-scripts'];
    return join(folder, run('npm', args).trim().split('\n').at(-1)!);
  };

  const [pages, bare] = [join(folder, 'pages'), join(folder, 'bare')];
  for (const one of [pages, bare, join(folder, 'data')]) await mkdir(one);
  const user = isRoot ? nobody : undefined;
  if (user) await chown(join(folder, 'data'), user.uid, user.gid);
  await writeFile(join(pages, 'index.html'), '<!doctype html><title>Tabloom</title>');
  await stagePackage({ root: projectRoot, folder: join(folder, 'stage'), pages });
  const program = pack(join(folder, 'stage'));
  const files = run('tar', ['tzf', program]).trim().split('\n');
  await writeFile(join(bare, 'package.json'), '{"private":true}');
  const quiet = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  run('npm', ['install', ...quiet, program, ...needed('node-datachannel').map(pack)], bare);
  // Somebody else may not read the folder of this repository, where Node is.
  const node = join(folder, 'node');
  await copyFile(process.execPath, node);
  await chmod(node, 0o755);
  run('chmod', ['-R', 'a-w,a+rX', bare]);
  return {
    installed: { node, main: join(bare, 'node_modules/.bin/tabloom'), user },
    files: files.map((file) => file.replace(/^package\//, '')),
    home: join(bare, 'node_modules/tabloom'),
    data: (name) => join(folder, 'data', name),
    async dispose() {
      run('chmod', ['-R', 'u+w', folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The folders of a package and of what it needs, as they are here: those of other platforms are not. */
function needed(name: string, found = new Set<string>()): readonly string[] {
  const folder = join(projectRoot, 'node_modules', name);
  if (found.has(folder) || !existsSync(folder)) return [];
  found.add(folder);
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const one of Object.keys({ ...dependencies, ...optionalDependencies })) needed(one, found);
  return [...found];
}
