import { parseArgs } from 'node:util';
import { ensureChromium } from './chromium.ts';
import { mannerOf } from '../../tests/verified/cheats.ts';
import { playSeries } from '../../tests/verified/town-series.ts';
import { jobsMax, playTown } from '../../tests/verified/town.ts';

/*
 * `npm run verified`: cheats and an honest worker before seven validators, over libp2p and with real scores, and how they
 * take what they find to the contract that slashes, on a local chain. Everything is on loopback, and gone when it ends.
 */
const say = (line: string) => void process.stdout.write(`${line}\n`);
const { values } = parseArgs({ options: { jobs: { type: 'string', default: '4' } } });
const jobs = Number(values.jobs);
if (!Number.isSafeInteger(jobs) || jobs < 1 || jobs > jobsMax) {
  process.stderr.write(`Usage: npm run verified [-- --jobs N], N from 1 to ${jobsMax}\n`);
  process.exit(2);
}

process.env['CHROMIUM'] = await ensureChromium();
const { rows, complaints, onChain, cost } = await playTown({ jobs, say });
say('\n| worker | audits | outcomes | tokens before | appeals lost | accuser marked |');
say('| --- | --- | --- | --- | --- | --- |');
for (const { manner, isAccusedFalsely, audits, outcomes, tokensBefore, appealsLost, isAccuserMarked } of rows) {
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
  const worker = isAccusedFalsely ? `${manner}, accused falsely` : manner;
  say(
    `| ${[worker, audits, counts.join(', '), tokensBefore ?? '', appealsLost, isAccuserMarked ? 'yes' : 'no'].join(' | ')} |`,
  );
}

const percent = (part: number) => `${(100 * part).toFixed(2)} %`;
say('');
for (const [manner, { ofOne, atEntry, atFloor }] of Object.entries(cost)) {
  say(`To score a ${manner} answer took ${percent(ofOne)} of generating it. Audits of 25 % of all answers cost`);
  say(
    `${percent(atEntry)} of generating, and of 2 % ${percent(atFloor)} (goal: 5 %), but for the panels of those that are accused.`,
  );
}

say('\n| worker | challenged by | votes | contract | worker has | challenger has | burned |');
say('| --- | --- | --- | --- | --- | --- | --- |');
for (const { worker, openedBy, votes, outcome, provider, challenger, burned } of onChain.rows)
  say(`| ${[worker, openedBy, votes, outcome, provider, challenger, burned].join(' | ')} |`);

say('\nOf those that hardly any answer shows, what a relay adds up of them, without trials:');
const series = await playSeries(say);
say(
  '\n| worker | answers | tokens | a panel convicts of | in doubt | its series convicts | published: within | of its next answers audited |',
);
say('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const { worker, answers, tokens, failed, doubted, isConvicted, held, share } of series.rows) {
  const cells = [
    worker,
    answers,
    tokens,
    failed,
    doubted,
    isConvicted ? 'yes' : 'no',
    held ?? '',
    percent(share / 1e6),
  ];
  say(`| ${cells.join(' | ')} |`);
}

const all = [...complaints, ...onChain.complaints, ...series.complaints];
const judged = new Set<string>(onChain.rows.map(({ worker }) => worker));
for (const { manner, isAccusedFalsely } of rows)
  if ((isAccusedFalsely || !mannerOf(manner).isHonest) && !judged.has(manner))
    all.push(`No worker that is "${manner}" came before the contract.`);
for (const complaint of all) process.stderr.write(`${complaint}\n`);
say(all.length === 0 ? '\nAs it should be.' : '\nNot as it should be.');
process.exit(all.length === 0 ? 0 : 1);
