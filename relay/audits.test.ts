import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { Auditing } from '#lib/peer/audit/auditing.ts';
import { readHeard } from '#lib/peer/audit/heard.ts';
import { createGround, signerOf } from '#lib/peer/town.fixture.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { Job } from '#lib/protocol/job.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { auditTopic } from '#lib/protocol/topics.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { issueReceipt } from '#lib/trust/receipt.ts';
import { relayAuditsSchema } from '#lib/protocol/relay-info.ts';
import {
  auditTerms,
  canaryFollower,
  checkAudits,
  createGatewayAudits,
  openAudits,
  openClerk,
  servedTiers,
} from './audits.ts';
import { checkEnv } from './settings/read-env.ts';

const hourMs = 3_600_000;
const signer = signerOf(5);
const envOf = (variables: Readonly<Record<string, string>>) => checkEnv('relay', variables).env!;

function receiptOf(number: number, issuedAt: number): Envelope {
  const job: Job = {
    id: number.toString(16).padStart(32, '0'),
    artefact: 'a'.repeat(64),
    model: 'demo',
    kind: 'chat',
    input: { messages: [{ role: 'user', content: 'Hi' }] },
    params: { maxTokens: 8, temperature: 0 },
    tier: 'open',
    deadlineMs: 60_000,
    salt: '0'.repeat(32),
  };
  return issueReceipt(
    {
      job,
      asker: signerOf(6).peer,
      engine: { name: 'llama', build: '1', deviceClass: 'native-cpu' },
      output: createOutputRoot(chat.outputHash).summary(),
      reason: 'stop',
      tokensIn: 1,
      timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
      price: { in: '0', out: '0' },
      issuedAt,
      prevWorker: chainStart,
    },
    signer,
  ).envelope;
}

test('where no validators are named nothing of audits is started', async () => {
  expect(await openAudits({ env: envOf({}) } as never)).toBeUndefined();
});

test('pages are told what all who follow audits agree on, and nothing where no validators are named', async () => {
  expect(await auditTerms(envOf({}))).toBeUndefined();
  const named = { AUDIT_VALIDATORS: `${signerOf(1).peer}=llama native-cpu,${signerOf(2).peer}`, AUDIT_SHARE: '5' };
  const terms = await auditTerms(envOf(named));
  expect(relayAuditsSchema.parse(terms)).toEqual({
    validators: [
      { peer: signerOf(1).peer, engineClass: 'llama native-cpu' },
      { peer: signerOf(2).peer, engineClass: '' },
    ],
    share: 50_000,
    beacons: ['https://api.drand.sh/', 'https://drand.cloudflare.com/'],
  });
});

const key = `0x${'12'.repeat(32)}`;
const validators = { AUDIT_VALIDATORS: signer.peer };

test('without a contract a conviction is told to count for standing only, and nothing else is', async () => {
  const told: unknown[] = [];
  const logger = { ...silentLogger, info: (event: string, details: unknown) => void told.push([event, details]) };
  const clerk = await openClerk({ env: envOf({}), logger } as never);
  await clerk.start();
  const settled = (outcome: string) =>
    clerk.note({
      of: 'trial',
      effect: { type: 'settled', outcome },
      trial: { receipt: { worker: 'w' }, accusation: { audit: 'a' } },
    } as never);
  settled('cleared');
  settled('convicted');
  expect(told).toEqual([['verdict-for-standing-only', { worker: 'w', audit: 'a' }]]);
  await clerk.stop();
});

test('the account before the contract is of its own, on a chain that has it', async () => {
  const check = (variables: Readonly<Record<string, string>>) =>
    checkAudits(envOf({ ...validators, COURT_KEY: key, ...variables })).catch((error: unknown) => error);
  expect(await check({ COURT_CHAIN: '31337' })).toBeUndefined();
  expect(await check({ COURT_CHAIN: '31337', SPEND_KEY: key })).toMatchObject({ code: 'bad-setting' });
  expect(await check({ COURT_CHAIN: '5' })).toMatchObject({ code: 'chain-unknown' });
  expect(envOf({ COURT_KEY: '0x12' })).toBeUndefined();
});

test('a gateway whose relay goes to the contract takes nothing there itself, and does not say that it counts for standing only', async () => {
  const { clock, network } = createGround(5);
  const net = network.createNet({ seed: new Uint8Array(32).fill(5) });
  await net.start();
  const told: string[] = [];
  const audits = createGatewayAudits({
    // Even if it were given the key.
    env: envOf({ ...validators, COURT_KEY: key, COURT_CHAIN: '31337' }),
    isAppealed: () => false,
    clock,
    random: seededRandom(1),
    storage: createMemoryStorage(),
    logger: { ...silentLogger, info: (event) => told.push(event), warn: (event) => told.push(event) },
    fetch: () => Promise.reject(new Error('asked for the chain')),
  });
  await audits.start({ peer: { net, receipts: {} } as never, signer });
  await clock.advance(hourMs);
  expect(told).toEqual([]);
  await audits.stop();
  await net.stop();
});

test('a worker commits each hour to what it issued since, once', async () => {
  const { clock, network } = createGround(5);
  const net = network.createNet({ seed: new Uint8Array(32).fill(5) });
  const listener = network.createNet({ seed: new Uint8Array(32).fill(7) });
  await net.start();
  await listener.start();
  const counts: number[] = [];
  listener.subscribe(auditTopic, {
    validate: () => 'accept',
    deliver(message) {
      const heard = readHeard(message);
      if (heard && 'epoch' in heard) counts.push(heard.epoch.record.count);
    },
  });
  const issued: Envelope[] = [];
  const receipts = {
    entries: async () => issued.map((receipt, at) => ({ key: String(at), signed: { receipt } })).toReversed(),
    read: async (key: string) => ({ receipt: issued[Number(key)]! }),
  };
  const audits = await openAudits({
    env: envOf({ AUDIT_VALIDATORS: signerOf(8).peer }),
    peer: { net, receipts } as never,
    signer,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    fetch: () => Promise.reject(new Error('offline')),
    commitsIn: createMemoryStorage(),
  });
  issued.push(receiptOf(1, clock.now()), receiptOf(2, clock.now()));
  await audits!.start();
  await clock.advance(hourMs);
  issued.push(receiptOf(3, clock.now()));
  await clock.advance(2 * hourMs);
  expect(counts).toEqual([2, 1]);
  await audits!.stop();
  await net.stop();
  await listener.stop();
});

test('a gateway follows its canaries while it runs, and none where no validators are named', async () => {
  const { clock, network } = createGround(5);
  const net = network.createNet({ seed: new Uint8Array(32).fill(5) });
  await net.start();
  const refused: string[] = [];
  const gateway = async (variables: Readonly<Record<string, string>>) => {
    const audits = createGatewayAudits({
      env: envOf(variables),
      clock,
      random: seededRandom(1),
      storage: createMemoryStorage(),
      logger: { ...silentLogger, info: (event) => refused.push(event) },
      fetch: () => Promise.reject(new Error('offline')),
    });
    const ask = (type: 'offer') =>
      audits.onCanary({ job: { id: '1' } as Job, parts: [], receipt: { ...receiptOf(1, clock.now()), type } });
    // Before its peer runs nobody looks at them.
    ask('offer');
    await audits.start({ peer: { net, receipts: {} } as never, signer });
    ask('offer');
    await audits.stop();
    return refused.splice(0);
  };
  expect(await gateway({ AUDIT_VALIDATORS: signerOf(8).peer })).toEqual(['canary-not-followed']);
  expect(await gateway({})).toEqual([]);
  await net.stop();
});

test('a canary whose receipt does not hold is let go, and the question after it is asked all the same', () => {
  const followed: string[] = [];
  const audits: Pick<Auditing, 'follow'> = {
    follow(receipt) {
      if (receipt.type !== 'receipt') throw new Error('not one');
      followed.push(receipt.type);
    },
  };
  const canary = { job: { id: '1' } as Job, parts: [], receipt: receiptOf(1, 0) };
  for (const follow of [canaryFollower(() => audits, silentLogger), canaryFollower(() => undefined, silentLogger)]) {
    follow(canary);
    follow({ ...canary, receipt: { ...canary.receipt, type: 'offer' } });
  }
  expect(followed).toEqual(['receipt']);
});

test('a provider claims the verified tier where it commits to its receipts and its account can be looked up', () => {
  const named = { AUDIT_VALIDATORS: signerOf(1).peer };
  const earning = { EARN_OUT: '20', EARN_KEY: `0x${'1'.repeat(64)}` };
  expect(servedTiers(envOf({ ...named, ...earning }))).toEqual(['open', 'verified']);
  expect(servedTiers(envOf(named))).toEqual(['open']);
  expect(servedTiers(envOf(earning))).toEqual(['open']);
});

test('pages are told of the blocks that pick, and of a server of them only where this relay passes requests on to their chain', async () => {
  const env = envOf({ AUDIT_VALIDATORS: signer.peer, BEACON: 'blocks', BEACON_RPC_URLS: 'https://rpc.example/secret' });
  const terms = await auditTerms(env, 1);
  expect(relayAuditsSchema.parse(terms).blocks).toEqual({ chain: 8453, confirmations: 64 });
  expect(JSON.stringify(terms)).not.toContain('secret');
  expect((await auditTerms(env, 8453))?.blocks).toMatchObject({ rpc: '/pay/rpc' });
  expect((await auditTerms(envOf({ AUDIT_VALIDATORS: signer.peer })))?.blocks).toBeUndefined();
});
