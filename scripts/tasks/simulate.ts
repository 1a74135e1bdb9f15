import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createNodeEd25519 } from '../../relay/ed25519.ts';
import { installEd25519 } from '../../src/lib/protocol/ed25519.ts';
import { createRememberingEd25519 } from '../../tests/simulation/simulator/ed25519.ts';
import { describeFailure, simulate } from '../../tests/simulation/simulator/simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string' },
    scale: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed ?? 1);
const seeds = values.seed === undefined ? Number(values.seeds) : 1;
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(seeds) || seeds < 1) {
  process.stderr.write('Usage: npm run simulate -- [--seeds N] [--seed S] [--verbose] | --scale\n');
  process.exit(2);
}

installEd25519(values.scale ? createNodeEd25519() : createRememberingEd25519());
if (values.scale) {
  const { measureUnitCosts } = await import('../../tests/simulation/scale/measure.ts');
  const { describeScales, scaleOf, sizes } = await import('../../tests/simulation/scale/model.ts');
  setFlagsFromString('--expose-gc');
  const costs = await measureUnitCosts(runInNewContext('gc') as () => void);
  process.stdout.write(`${JSON.stringify(costs, undefined, 2)}\n\n`);
  process.stdout.write(`${describeScales(sizes.map(([peers, relays]) => scaleOf(peers, relays, costs)))}\n`);
  process.exit(0);
}

const failures: string[] = [];
const calm = { jobs: 0, honest: 0, slowest: 0 };
for (let seed = first; seed < first + seeds; seed++) {
  const report = await simulate(seed);
  const { steps, jobs, resumed, failure } = report;
  calm.jobs += report.calm.jobs;
  calm.honest += report.calm.honest;
  calm.slowest = Math.max(calm.slowest, report.calm.slowdown);
  if (values.verbose) process.stdout.write(`${report.trace.join('\n')}\n`);
  const counts = `${jobs.finished} finished, ${jobs.failed} failed, ${jobs.cancelled} cancelled, ${resumed} resumed`;
  process.stdout.write(`seed ${seed}: ${steps} steps, ${counts}${failure ? ', BROKEN' : ''}\n`);
  if (failure) failures.push(describeFailure(failure));
}
for (const failure of failures) process.stdout.write(`\n${failure}\n`);
const share = ((calm.honest / Math.max(1, calm.jobs)) * 100).toFixed(1);
process.stdout.write(
  `\n${seeds} seeds, ${failures.length} broken; after the faults, honest workers gave ${share} % of the answers, ` +
    `in a median time of at most ${calm.slowest.toFixed(2)} times what they need\n`,
);
process.exit(failures.length > 0 ? 1 : 0);
