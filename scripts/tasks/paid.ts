import { parseArgs } from 'node:util';
import { complaintsOf, describeSheet, readSheet } from '../../tests/paid/sheet.ts';
import { startTown, type Told, type Town } from '../../tests/paid/town.ts';
import { ensureBuilt } from './build.ts';
import { ensureChromium } from './chromium.ts';
import { tellJobs } from './paid-jobs.ts';
import { tellPage } from './paid-page.ts';

/*
 * `npm run paid`: jobs between strangers on a real chain, paid by the chunk, while each of them is killed in turn. It ends with
 * where the money is, and fails where that does not come out even. Everything is on loopback, and gone when it ends. One of those who
 * ask is a page in Chromium. `--jobs N` plays so many in memory instead.
 */

const say = (line: string) => process.stdout.write(`${line}\n`);
const complaints: string[] = [];
/** Units that a chunk costs at most: 64 tokens of an answer, and what is due for the next 64. */
const chunkMax = 192_000n;
/** One for each payee that is killed. */
const slackMax = 3n * chunkMax;

/** Runs one job, and kills whom it is told to once the answer has so many tokens. */
async function job(
  town: Town,
  name: string,
  tokens?: number,
  victim?: 'asker' | 'provider' | 'relay' | 'chain' | 'chain-killed',
  command: 'ask' | 'ask-hub' = 'ask',
  provider?: string,
): Promise<void> {
  let worker: string | undefined;
  let isDone = false;
  let restart: (() => Promise<void>) | undefined;
  const onTold = (one: Told, killAsker: () => void) => {
    if (one.type === 'worker') worker = one.peer;
    if (isDone || victim === undefined || one.type !== 'part' || one.tokens < tokens!) return;
    isDone = true;
    if (victim === 'asker') return killAsker();
    if (victim === 'chain' || victim === 'chain-killed') {
      const ended = victim === 'chain' ? town.chain.halt() : town.chain.kill();
      restart = async () => void (await ended.then(() => town.chain.restart()));
      return;
    }
    const program = victim === 'relay' ? town.relay : town.providers.find(({ peer }) => peer === worker)?.program;
    if (!program) return;
    const killed = program.halt('SIGKILL');
    restart = async () => void (await killed.then(() => program.restart()));
  };
  const told = await town.run(command, onTold, provider);
  const over = told.find((one) => one.type === 'over');
  await restart?.();
  say(`${name}: ${over ? `${over.phase}, ${over.text.length} characters, ${over.cost} units` : 'killed'}`);
  // Whoever asks the hub alone has nobody to go on with when it is killed.
  const mayFail = victim === 'asker' || (victim === 'relay' && command === 'ask-hub');
  if (!mayFail && over?.phase !== 'finished') complaints.push(`${name} ended as ${over?.phase} (${over?.error})`);
  if (over?.receipts.some((one) => one === false)) complaints.push(`${name} has a receipt that charges something else`);
}

const verdict = (isWell: boolean): never => {
  say(isWell ? 'The money is where it should be.' : 'The money is not where it should be.');
  process.exit(isWell ? 0 : 1);
};
const { values } = parseArgs({ options: { jobs: { type: 'string' }, seed: { type: 'string', default: '1' } } });
if (values.jobs !== undefined) {
  const [count, seed] = [Number(values.jobs), Number(values.seed)];
  if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
    process.stderr.write('Usage: npm run paid [-- --jobs N [--seed N]]\n');
    process.exit(2);
  }
  verdict(await tellJobs(count, seed, say));
}

process.env['CHROMIUM'] = await ensureChromium();
await ensureBuilt();
const town = await startTown();
try {
  // What the chain is set back to when it is killed: before any deposit.
  await town.chain.keep();
  await job(town, 'undisturbed');
  await job(town, 'chain killed, and set back to before the first deposit', 40, 'chain-killed');
  const forgotten = await readSheet(town.chain, []);
  say(`of what was deposited the chain knows ${forgotten.deposits}`);
  if (forgotten.deposits !== 0n) complaints.push('the chain was not set back');
  // Its channels are opened again, with room for what was promised on them.
  for (const [index, { peer }] of town.providers.entries()) {
    await job(town, `provider ${index + 1} after that`, undefined, undefined, 'ask', peer);
  }
  await job(town, 'provider killed', 40, 'provider');
  await job(town, 'asker killed', 40, 'asker');
  await job(town, 'relay killed', 40, 'relay');
  await job(town, 'chain ended', 40, 'chain');
  await job(town, 'undisturbed again');
  await job(town, 'through the hub', undefined, undefined, 'ask-hub');
  await job(town, 'hub killed', 40, 'relay', 'ask-hub');
  await job(town, 'asker of the hub killed', 40, 'asker', 'ask-hub');
  const answered = await town.call();
  say(`through the gateway: ${answered.status}`);
  if (answered.status !== 200) complaints.push(`the gateway answered ${answered.status}: ${await answered.text()}`);
  const byPage = await tellPage(town, { say, complaints });
  const payees = [...town.providers.map(({ person }) => person.address), town.seller.address];
  const promisedByAsker = BigInt((await town.run('leave')).find((one) => one.type === 'promised')!.units);
  // The gateway books what it promised before it was killed when it starts.
  await town.relay.restart();
  const promised = promisedByAsker + byPage + (await town.booked());
  // They look at the chain when they start, and claim what they were promised before the payer is gone.
  for (const { program } of town.providers) await program.restart();
  const { timestamp } = await town.chain.chain().head();
  let sheet = await readSheet(town.chain, payees);
  for (let tries = 0; tries < 200 && sheet.paid + slackMax < promised; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    sheet = await readSheet(town.chain, payees);
  }
  await town.chain.moveTo(timestamp + 2 * 86_400);
  await town.run('withdraw');
  sheet = await readSheet(town.chain, payees);
  say(describeSheet(sheet));
  say(`promised  ${promised}`);
  complaints.push(...complaintsOf(sheet));
  if (sheet.paid > promised) complaints.push(`${sheet.paid} were paid, and ${promised} promised`);
  // A voucher that a killed payee had not stored is worth a chunk at most.
  if (promised - sheet.paid > slackMax) complaints.push(`${promised} were promised, and only ${sheet.paid} paid`);
  // The gateway goes on, and keeps its channels.
  const kept = sheet.heldOf.get(town.spender.address) ?? 0n;
  if (sheet.held !== kept) complaints.push(`${sheet.held - kept} are still held`);
} finally {
  await town.dispose();
}
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
verdict(complaints.length === 0);
