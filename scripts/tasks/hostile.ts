import { playAll } from '../../tests/hostile/run.ts';

/** Plays every attack on an asker over real sockets and prints what it came to. */
const breaches = await playAll((line) => process.stdout.write(`${line}\n`));
for (const breach of breaches) process.stderr.write(`FAIL  ${breach}\n`);
process.exit(breaches.length > 0 ? 1 : 0);
