import { parseArgs } from 'node:util';
import { settleOnChain } from '../../tests/verified/on-chain.ts';
import { jobsMax, playTown } from '../../tests/verified/town.ts';

/*
 * `npm run verified`: cheats and an honest worker before seven validators, over libp2p and with real scores; then what was found,
 * before the contract that slashes, on a local chain. Everything is on loopback, and gone when it ends.
 */
const say = (line: string) => void process.stdout.write(`${line}\n`);
const { values } = parseArgs({ options: { jobs: { type: 'string', default: '4' } } });
const jobs = Number(values.jobs);
if (!Number.isSafeInteger(jobs) || jobs < 1 || jobs > jobsMax) {
  process.stderr.write(`Usage: npm run verified [-- --jobs N], N from 1 to ${jobsMax}\n`);
  process.exit(2);
}

const { rows, trials, validators, complaints } = await playTown({ jobs, say });
say('\n| worker | audits | outcomes | appeals lost | accuser marked |\n| --- | --- | --- | --- | --- |');
for (const { manner, isAccusedFalsely, audits, outcomes, appealsLost, isAccuserMarked } of rows) {
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
  const worker = isAccusedFalsely ? `${manner}, accused falsely` : manner;
  say(`| ${[worker, audits, counts.join(', '), appealsLost, isAccuserMarked ? 'yes' : 'no'].join(' | ')} |`);
}

/** One of each kind is enough to see where the money goes. */
const shown = trials.filter(
  ({ manner, outcome }, at) =>
    (outcome === 'convicted' || outcome === 'cleared') && trials.findIndex((one) => one.manner === manner) === at,
);
const onChain = await settleOnChain(shown, validators, say);
say(
  '\n| worker | contract | worker has | accuser has | each voter has | burned |\n| --- | --- | --- | --- | --- | --- |',
);
for (const { manner, outcome, provider, challenger, eachVoter, burned } of onChain)
  say(`| ${[manner, outcome, provider, challenger, eachVoter, burned].join(' | ')} |`);

const all = [...complaints, ...onChain.flatMap((one) => one.complaints)];
if (onChain.length !== Object.keys(Object.groupBy(rows, ({ manner }) => manner)).length)
  all.push('Not every kind of worker came before the contract.');
for (const complaint of all) process.stderr.write(`${complaint}\n`);
say(all.length === 0 ? '\nAs it should be.' : '\nNot as it should be.');
process.exit(all.length === 0 ? 0 : 1);
