// Entry point of `npm start`, `npm test` and `npm run bench`. Plain JavaScript without dependencies, so that it runs on
// any Node from 18 on: it installs what is missing, then continues under the Node pinned in the lock file.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const stamp = join(root, 'node_modules', '.tabloom-installed');
const windows = process.platform === 'win32';
const [task = 'tasks/start', ...args] = process.argv.slice(2);

install();
await run(pinnedNode(), [join(root, 'scripts', `${task}.ts`), ...args]);

/** Installs if package.json or the lock file has changed since the last install. */
function install() {
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(root, file)));
  const wanted = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log('Installing packages (once; one to two minutes on a cold cache) …');
  if (npm(process.env, 'ci') !== 0 && npm(process.env, 'install', '--no-save') !== 0) {
    fail('install-failed', 'The packages could not be installed. See the lines above: is the npm registry reachable?');
  }
  // npm on an older Node silently skips optional packages that require a newer one, such as a native part of the
  // contract tests. Install them with the Node that has just been installed.
  if (Number(process.versions.node.split('.')[0]) < 24) npm(withBin(), 'install', '--no-save');
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

function npm(env, ...command) {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  return spawnSync('npm', [...command, ...quiet], { cwd: root, env, stdio: 'inherit', shell: windows }).status;
}

/**
 * The environment with installed tools, including Node, first in PATH. Node keeps what it has compiled beside them: a
 * start would otherwise spend a quarter of its time on compiling the same files again.
 */
function withBin() {
  const compiled = join(root, 'node_modules', '.cache', 'compiled');
  return { NODE_COMPILE_CACHE: compiled, ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
}

/** Node as pinned in optionalDependencies; on platforms without an npm package (macOS), the current one. */
function pinnedNode() {
  const pinned = join(bin, windows ? 'node.cmd' : 'node');
  if (existsSync(pinned)) return pinned;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return fail(
    'node-too-old',
    `Tabloom needs Node 22.18 or later on this platform; this is ${process.versions.node}. Install a newer Node.`,
  );
}

/**
 * Runs the task and exits with its exit code, forwarding signals. The IPC channel carries no messages: its end tells
 * the child that this process is gone.
 */
async function run(node, argv) {
  const stdio = windows ? 'inherit' : ['inherit', 'inherit', 'inherit', 'ipc'];
  const child = spawn(node, argv, { cwd: root, stdio, env: withBin(), shell: windows });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  if (process.env.npm_lifecycle_event) whenParentGoes(() => child.kill('SIGTERM'));
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (...end) => resolve(end));
  });
  process.exit(code ?? (signal ? 1 : 0));
}

/** Calls `stop` when the parent exits: a signal to npm ends npm and its shell, but is not forwarded to this process. */
function whenParentGoes(stop) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop();
  }, 250);
  watch.unref();
}

function fail(code, message) {
  console.error(`${code}: ${message}`);
  process.exit(1);
}
