import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Loaded into a relay under flood: on SIGUSR2 it collects its garbage and writes the memory that is left, in MiB. What the
 * operating system says of a process is mostly garbage that has not been collected yet.
 */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`heap ${Math.round((heapUsed + external) / 1024 / 1024)} MiB\n`);
});
