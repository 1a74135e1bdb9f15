/**
 * Measures the gas of each action as a real transaction on a local chain and compares it with `contracts/gas.json`;
 * `--write` updates the snapshot instead. It measures the code in `generated/`. All calldata is constant, so the
 * figures are exact.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../tasks/tool.ts';
import { dearestBatch, gasOfJob, measureGas } from './gas-cases.ts';

/** The goal per channel in a batch of 25, including the split and the base cost. */
const goalPerChannel = 20_000;
/** EIP-7825. */
const transactionGasMax = 1 << 24;

const path = join(projectRoot, 'contracts/gas.json');
const measured = await measureGas();
const former = JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as Record<string, number>;
const problems: string[] = [];

for (const [name, gas] of Object.entries(measured)) {
  const before = former[name];
  const change = before === undefined ? 'new' : before === gas ? '' : `was ${before}`;
  if (change) problems.push(`${name}: ${gas}, ${change}`);
  process.stdout.write(`${name.padEnd(52)} ${String(gas).padStart(8)}  ${change}\n`);
}
for (const name of Object.keys(former)) if (!(name in measured)) problems.push(`${name}: no longer measured`);
for (const jobs of [1, 25, 200]) {
  const { alone, batch, exact } = gasOfJob(measured, jobs);
  const what = `a job of ${jobs} on one channel: claimed alone; 25 channels at once`;
  process.stdout.write(`${what.padEnd(66)} ${alone}; ${batch}  (x402 exact: ${exact})\n`);
}

const steady = measured['claim, batch of 25, steady, a channel'] ?? Infinity;
if (process.argv.includes('--write')) {
  await writeFile(path, `${JSON.stringify(measured, null, 2)}\n`);
} else if (problems.length > 0) {
  process.stderr.write(
    `The gas snapshot is out of date. If the change is intended: npm run contracts:gas -- --write\n`,
  );
  process.exitCode = 1;
}
if (steady >= goalPerChannel) {
  process.stderr.write(`a channel in a batch of 25 costs ${steady}; the goal is less than ${goalPerChannel}\n`);
  process.exitCode = 1;
}
const dearest = measured[dearestBatch] ?? Infinity;
if (dearest > transactionGasMax) {
  process.stderr.write(`the dearest batch costs ${dearest}; a transaction may have ${transactionGasMax}\n`);
  process.exitCode = 1;
}
