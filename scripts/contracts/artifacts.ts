import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Abi, Hex } from 'viem';
import { projectRoot } from '../tasks/tool.ts';

/** The compiler's output for one contract. */
export type Artifact = {
  readonly abi: Abi;
  /** Creation code, without constructor arguments. */
  readonly bytecode: Hex;
  readonly deployedBytecode: Hex;
};

/** The contracts this project deploys: name and source file below `contracts/`. */
export const deployed = {
  Channels: 'Channels.sol',
  Providers: 'Providers.sol',
  Disputes: 'Disputes.sol',
  TestUSDC: 'tokens/TestUSDC.sol',
} as const;

export type DeployedName = keyof typeof deployed;

/** Hardhat's CLI, to be run by the current Node. */
export const hardhatCli = join(
  dirname(createRequire(import.meta.url).resolve('hardhat/package.json')),
  'dist/src/cli.js',
);

/** Compiles changed contracts. */
export async function buildContracts(signal?: AbortSignal): Promise<void> {
  await promisify(execFile)(process.execPath, [hardhatCli, 'build', '--no-tests'], {
    cwd: projectRoot,
    ...(signal && { signal }),
  });
}

/** Reads one contract's artifact from the last build. */
export async function readArtifact(name: DeployedName): Promise<Artifact> {
  const path = join(projectRoot, 'artifacts/contracts', deployed[name], `${name}.json`);
  return JSON.parse(await readFile(path, 'utf8')) as Artifact;
}
