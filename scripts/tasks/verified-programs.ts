import { playPrograms } from '../../tests/verified/programs.ts';

/*
 * `npm run verified-programs`: a relay, a cheat and validators as started programs, until the contract on a local chain has burned the
 * cheat's bond. Everything is on loopback, and gone when it ends.
 */
const say = (line: string) => void process.stdout.write(`${line}\n`);
const { dispute, burned, seconds, questions, complaints } = await playPrograms({ say });
if (dispute) {
  const { guilty, innocent, outcome, penalty } = dispute;
  say(
    `\nAfter ${questions} questions at most and ${seconds} s: ${outcome}, ${guilty} votes to ${innocent}, a bond of ${penalty},`,
  );
  say(`of which ${burned} were burned.`);
}
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
say(complaints.length === 0 ? '\nAs it should be.' : '\nNot as it should be.');
process.exit(complaints.length === 0 ? 0 : 1);
