import { playConformance } from '../../tests/conformance/run.ts';

/** Drives a relay with the clients that programs use, and prints which feature works with which of them. */
const print = (line: string) => void process.stdout.write(`${line}\n`);
const failures = await playConformance(process.argv[2], print);
for (const failure of failures) process.stderr.write(`FAIL  ${failure}\n`);
process.exit(failures.length > 0 ? 1 : 0);
