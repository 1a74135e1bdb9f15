import { floodBreaches, playFloods, wholeFloods, type FloodRound } from '../../tests/hostile/floods.ts';
import { playAll } from '../../tests/hostile/run.ts';

/** Plays every attack on an asker and every flood against a relay over real sockets, and prints what it came to. */
const print = (line: string) => void process.stdout.write(`${line}\n`);
const [only] = process.argv.slice(2);
const breaches: string[] = [];
if (only !== 'floods') breaches.push(...(await playAll(print)));
if (only !== 'attacks') {
  print('\nFloods of one address, each twice\n| flood | sent | refused | jobs asked | failed | heap, MiB | models |');
  print('| --- | --- | --- | --- | --- | --- | --- |');
  const report = (round: FloodRound) => print(rowOf(round));
  const rounds = await playFloods(wholeFloods, { times: 2, report });
  breaches.push(...rounds.flatMap(floodBreaches));
}
for (const breach of breaches) process.stderr.write(`FAIL  ${breach}\n`);
process.exit(breaches.length > 0 ? 1 : 0);

function rowOf({ kind, sent, refused, jobs, jobsFailed, heapMiB, models }: FloodRound): string {
  return `| ${[kind, sent, refused, jobs, jobsFailed, heapMiB.join(' → '), models].join(' | ')} |`;
}
