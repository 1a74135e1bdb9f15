import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let folder: string;

/** A project of nothing but the door and a program that handles signals as the relay does. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-parent-'));
  await mkdir(join(folder, 'scripts'));
  await mkdir(join(folder, 'node_modules', '.bin'), { recursive: true });
  await copyFile(join(root, 'scripts', 'run.mjs'), join(folder, 'scripts', 'run.mjs'));
  await symlink(process.execPath, join(folder, 'node_modules', '.bin', 'node'));
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json']) {
    await writeFile(join(folder, file), '{}');
    hash.update('{}');
  }
  await writeFile(join(folder, 'node_modules', '.tabloom-installed'), hash.digest('hex'));
  await writeFile(
    join(folder, 'scripts', 'program.ts'),
    `import { handleSignals } from ${JSON.stringify(join(root, 'relay', 'terminal.ts'))};
    const hold = setInterval(() => {}, 1_000);
    handleSignals({
      process,
      elapsed: () => performance.now(),
      exit: (code) => process.exit(code),
      stop: async (signal) => void process.stdout.write('stopped by ' + signal + '\\n'),
    });
    process.stdout.write('parent ' + process.ppid + '\\n');`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Started as npm does it: by a shell that waits, and that passes no signal on. */
function start() {
  const shell = spawn('sh', ['-c', `"${process.execPath}" scripts/run.mjs program; exit $?`], {
    cwd: folder,
    env: { PATH: process.env['PATH'], npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const begun = Promise.withResolvers<number>();
  shell.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const parent = /^parent (\d+)$/m.exec(said)?.[1];
    if (parent) begun.resolve(Number(parent));
  });
  // The pipe closes with the last process that holds it, which is the program.
  const over = new Promise<string>((resolve) => shell.stdout.once('close', () => resolve(said)));
  return { shell, runner: begun.promise, over };
}

test.skipIf(process.platform === 'win32')(
  'E: a TERM to npm, whose shell dies first, stops the program cleanly',
  async () => {
    const { shell, runner, over } = start();
    await runner;
    shell.kill('SIGTERM');
    expect(await over).toMatch(/\nstopped by SIGTERM\n$/);
  },
);

test.skipIf(process.platform === 'win32')('E: a runner that is killed takes the program with it, cleanly', async () => {
  const { runner, over } = start();
  process.kill(await runner, 'SIGKILL');
  expect(await over).toMatch(/\nstopped by SIGTERM\n$/);
});
