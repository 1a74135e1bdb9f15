import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '#lib/base/bytes.ts';
import { systemClock } from '#lib/base/clock.ts';
import { describeProvider } from '#lib/pay/actions/describe-provider.ts';
import { burnAddress } from '#lib/pay/court-memory.ts';
import type { Dispute } from '#lib/pay/court.ts';
import { offerKeyOf } from '#lib/pay/registry.ts';
import { ownChain } from '#lib/trust/beacon.fixture.ts';
import {
  startProvide,
  startRelay,
  startValidate,
  temporaryFolder,
  type ProgramProcess,
  type RelayProcess,
} from '../fixtures/relay-process.ts';
import { postChat, question } from '../integration/relay/http.ts';
import { startLocalChain, type LocalChain } from '../integration/pay/chain.fixture.ts';
import { openCourt } from '../integration/pay/court.fixture.ts';
import { makeModel } from './models.ts';
import { stake } from './on-chain.ts';
import { peerOf, seedOf } from './peers.ts';

/**
 * The programs as their owners start them, each a process of its own: a relay that follows its gateway's canaries, a `provide` with a bond whose weights
 * are not those that it names, and validators, with accounts on a local chain. Hours are seconds (`AUDIT_PACE`); nothing else is told them.
 */
export interface ProgramsOutcome {
  readonly dispute: Dispute | undefined;
  /** Units that went where nobody has them. */
  readonly burned: bigint;
  /** From the first question to the verdict of the contract. */
  readonly seconds: number;
  readonly questions: number;
  readonly complaints: readonly string[];
}

/** Five judge an appeal. */
const validatorNumbers = [20, 21, 22, 23, 24];
const cheatNumber = 60;
const inHand = 400_000_000n;
/** Three in a hundred jobs are followed by a canary. */
const questionsMax = 240;
const waitSecondsMax = 240;

export async function playPrograms({ say }: { readonly say: (line: string) => void }): Promise<ProgramsOutcome> {
  const startedAt = systemClock.elapsed();
  const seconds = () => Math.round((systemClock.elapsed() - startedAt) / 1_000);
  const tell = (line: string) => say(`${seconds()} s: ${line}`);
  const complaints: string[] = [];
  const folder = await temporaryFolder();
  const beacon = await serveBeacon(folder);
  const local = await startLocalChain();
  const programs: ProgramProcess[] = [];
  try {
    const chain = local.chain();
    const judges = await Promise.all(validatorNumbers.map(() => local.person(0n)));
    const people = await openCourt(
      local,
      chain,
      judges.map(({ wallet }) => wallet),
    );
    const [accuser, provider] = [await local.person(inHand), await local.person(inHand + stake)];
    await bondOf(people, provider, chain);
    tell('The contracts are on a chain, and the cheat has a bond.');

    const shared = {
      AUDIT_VALIDATORS: validatorNumbers.map((number) => `${peerOf(number)}=llama native-cpu`).join(),
      AUDIT_SHARE: '100',
      AUDIT_PACE: '180',
      BEACON_URLS: beacon.url,
      BEACON_FILE: beacon.file,
      CHAIN_RPC_URL: local.anvil.url,
      COURT_CHAIN: '31337',
      LOG_LEVEL: 'info',
    };
    const relay = await startRelay({ native: 'with-native', env: { ...shared, COURT_KEY: accuser.key } });
    programs.push(relay);
    const relays = [relay.url];
    for (const [at, number] of validatorNumbers.entries()) {
      const dataDir = await folderOf(folder, 'validate.key', number);
      programs.push(await startValidate({ relays, dataDir, env: { ...shared, COURT_KEY: judges[at]!.key } }));
    }
    const cheat = await startProvide({
      relays,
      dataDir: await folderOf(folder, 'provide.key', cheatNumber),
      env: {
        ...shared,
        CHEAT_MODEL: makeModel('dropped', folder).path,
        EARN_IN: '0',
        EARN_OUT: '0',
        // Free while nobody waits, so that it is asked without a purse.
        EARN_OUT_MAX: '1',
        EARN_KEY: provider.key,
        EARN_CHAIN: '31337',
      },
      installed: { node: process.execPath, main: fileURLToPath(new URL('cheat.process.ts', import.meta.url)) },
    });
    programs.push(cheat);
    const validators = programs.slice(1, -1);
    tell(`${programs.length} programs run.`);

    const until = async (what: string, isSo: () => boolean | Promise<boolean>, meanwhile?: () => Promise<unknown>) => {
      const endsAt = seconds() + waitSecondsMax;
      while (!(await isSo())) {
        if (seconds() > endsAt) {
          complaints.push(`Within ${waitSecondsMax} s it did not come to this: ${what}.`);
          return false;
        }
        await (meanwhile ? meanwhile() : systemClock.delay(500));
      }
      tell(`${what}.`);
      return true;
    };
    const dispute = () => people.court.dispute(1n).catch(() => undefined);
    const says = (line: string) => (one: ProgramProcess) => one.text().includes(line);

    let questions = 0;
    const askMore = async () => {
      if (questions++ < questionsMax) return askOne(relay, questions);
      return systemClock.delay(500);
    };
    const askedFrom = seconds();
    const isThere =
      (await until('The relay has accused, and disputes the bond', () => says('dispute-opened')(relay), askMore)) &&
      (await until('Validators vote', async () => {
        const one = await dispute();
        // What is left of the windows is not waited for.
        if (one?.phase === 'answering') await people.moveTo(one.endsAt + 1);
        else if (one && one.guilty === 0) await people.moveTo(one.endsAt - 100);
        return validators.filter(says('dispute-voted')).length >= 3;
      })) &&
      (await until('The first vote is counted', async () => {
        const one = await dispute();
        if (one?.phase === 'voting') await people.moveTo(one.endsAt + 60);
        return one?.phase === 'appealable';
      })) &&
      (await until('The contract has decided', async () => {
        const one = await dispute();
        if (one?.phase === 'appealable') await people.moveTo(one.endsAt + 60);
        return one?.phase === 'ended';
      })) &&
      (await until('Who accused has collected', () => says('dispute-collected')(relay)));
    const took = seconds() - askedFrom;
    const last = await dispute();
    const burned = (await people.balance(burnAddress)) + (await people.court.owed(burnAddress));
    if (isThere && last?.outcome !== 'guilty') complaints.push(`The contract said ${last?.outcome} of the cheat.`);
    if (isThere && (await people.stake(provider.address)) !== 0n) complaints.push('The cheat has a bond yet.');
    if (isThere && burned < stake / 2n) complaints.push('Less than half of the bond was burned.');
    if (complaints.length > 0) for (const one of programs) say(one.text().slice(-3_000));
    return { dispute: last, burned, seconds: took, questions: Math.min(questions, questionsMax), complaints };
  } finally {
    for (const one of programs.toReversed()) await one.dispose();
    await local.stop();
    await beacon.close();
    await rm(folder, { recursive: true, force: true });
  }
}

type People = Awaited<ReturnType<typeof openCourt>>;

async function bondOf(
  people: People,
  provider: Awaited<ReturnType<LocalChain['person']>>,
  chain: ReturnType<LocalChain['chain']>,
) {
  await people.bond(provider, stake);
  const none = `0x${'00'.repeat(32)}` as const;
  const description = { offerKey: offerKeyOf(peerOf(cheatNumber)), metadataHash: none, pricesHash: none };
  await describeProvider(chain, provider.wallet, description);
}

/** A folder of data with a key of this number in it. */
async function folderOf(parent: string, key: string, number: number): Promise<string> {
  const folder = join(parent, String(number));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, key), seedOf(number), { mode: 0o600 });
  return folder;
}

async function askOne({ url }: RelayProcess, number: number): Promise<void> {
  const content = `Tell me a story about ${number} ships on the sea.`;
  const body = question({ max_tokens: 64, temperature: 0, messages: [{ role: 'user', content }] });
  await (await postChat(url, body)).arrayBuffer();
}

/** drand's HTTP interface over a chain of its own, and the file that names it. */
async function serveBeacon(folder: string) {
  const own = ownChain({ genesis: Math.floor(systemClock.now() / 1_000) - 60, periodSeconds: 3 });
  const file = join(folder, 'beacon.json');
  await writeFile(file, JSON.stringify(own.chain));
  const server = createServer((request, response) => {
    const round = Number(/\/public\/(\d+)$/.exec(request.url ?? '')?.[1]);
    const isThere = own.chain.genesis + (round - 1) * own.chain.periodSeconds <= systemClock.now() / 1_000;
    response.writeHead(isThere ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isThere ? { round, signature: toHex(own.signRound(round)) } : {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    file,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
