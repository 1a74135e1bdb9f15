/**
 * Runs the Solidity tests with the effort given on the command line: `quick`, `ci` (the default) or `deep`. The deep
 * run tests the code as deployed, the others the same sources compiled quickly. It uses a new seed unless
 * CONTRACTS_SEED is set, and prints it so that failures can be reproduced.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { hardhatCli } from './artifacts.ts';
import { projectRoot } from '../tasks/tool.ts';

const effort = process.argv[2] ?? 'ci';
const seed = process.env['CONTRACTS_SEED'] ?? (effort === 'deep' ? `0x${randomBytes(32).toString('hex')}` : undefined);
if (seed) process.stdout.write(`CONTRACTS_SEED=${seed}\n`);
const CONTRACTS_COMPILER = process.env['CONTRACTS_COMPILER'] ?? (effort === 'deep' ? 'release' : 'fast');
const env = {
  ...process.env,
  CONTRACTS_COMPILER,
  CONTRACTS_WORK: `cache/${CONTRACTS_COMPILER}`,
  CONTRACTS_EFFORT: effort,
  ...(seed && { CONTRACTS_SEED: seed }),
};
const child = spawn(process.execPath, [hardhatCli, 'test', 'solidity'], { cwd: projectRoot, env, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
process.exitCode = await new Promise<number>((resolve, reject) => {
  child.once('error', reject);
  child.once('exit', (code) => resolve(code ?? 1));
});
