import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { privateKeyToAccount } from 'viem/accounts';
import { createSiweMessage } from 'viem/siwe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bond } from '#lib/pay/actions/bond.ts';
import { describeProvider } from '#lib/pay/actions/describe-provider.ts';
import { open } from '#lib/pay/actions/open.ts';
import { settle } from '#lib/pay/actions/settle.ts';
import { offerKeyOf } from '#lib/pay/registry.ts';
import {
  runRelay,
  startProvide,
  startRelay,
  temporaryFolder,
  type ProgramProcess,
  type RelayProcess,
} from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from '../pay/chain.fixture.ts';
import { openDatabase, type LedgerDatabase } from '../../../relay/ledger/database.ts';
import { bookedOf } from '../../../relay/ledger/spends.ts';
import { signDeposit } from '../pay/open-channel.fixture.ts';
import { question } from './http.ts';

/** A gateway that charges for its jobs and has no models of its own, and a provider with a price that it pays. */
let chain: LocalChain;
let folder: string;
let relay: RelayProcess;
let provider: ProgramProcess;
let spender: Person;
let earner: Person;
let db: LedgerDatabase;
beforeAll(async () => {
  chain = await startLocalChain();
  folder = await temporaryFolder();
  [spender, earner] = [await chain.person(10_000_000n), await chain.person(0n)];
  const payee = await chain.person(0n);
  relay = await startRelay({
    native: 'no-native',
    dataDir: folder,
    env: {
      PRICE_IN: '100000',
      PRICE_OUT: '200000',
      CREDITS_CHAIN: '31337',
      CREDITS_PAYEE: payee.address,
      CREDITS_KEY: payee.key,
      SPEND_KEY: spender.key,
      SPEND_CHAIN: '31337',
      SPEND_JOB_MAX: '2',
      SPEND_IN: '1000',
      SPEND_OUT: '2000',
      CHAIN_RPC_URL: chain.anvil.url,
      // What comes from this machine is its owner's, and costs nothing.
      TRUSTED_PROXIES: '127.0.0.1',
    },
  });
  db = await openDatabase({ file: join(folder, 'ledger.db') });
  provider = await startProvide({
    relays: [relay.url],
    env: {
      EARN_IN: '500',
      EARN_OUT: '1000',
      EARN_CHAIN: '31337',
      EARN_KEY: earner.key,
      // Here gas costs nothing, so that whatever there is is claimed.
      EARN_COIN_PRICE: '0.000001',
      CHAIN_RPC_URL: chain.anvil.url,
    },
  });
});
afterAll(async () => {
  await db?.destroy();
  await provider?.dispose();
  await relay?.dispose();
  await chain?.stop();
  await rm(folder, { recursive: true, force: true });
});

const away = { 'x-forwarded-for': '198.51.100.7', 'content-type': 'application/json' };
const asking = (headers: Record<string, string> = away, more: object = {}): RequestInit => ({
  method: 'POST',
  headers,
  body: JSON.stringify(question({ max_tokens: 100, ...more })),
});
const paying = ({ key }: Person) => {
  const client = x402Client.fromConfig({
    schemes: [{ network: 'eip155:31337', client: new ExactEvmScheme(privateKeyToAccount(key)) }],
    spendControls: false,
  });
  return wrapFetchWithPayment(fetch, client);
};
const url = () => `${relay.url}/v1/chat/completions`;
const balance = () => chain.chain().tokenBalance(spender.address);
const check = () => runRelay(['ledger', 'check'], { DATA_DIR: folder, CHAIN_RPC_URL: chain.anvil.url });
const booked = async () => [...(await bookedOf(db)).values()].reduce((sum, units) => sum + units, 0n);

test('whoever pays nothing makes the gateway spend nothing', async () => {
  const before = await balance();
  const stranger = await fetch(url(), asking());
  expect(stranger.status).toBe(402);
  const owner = await fetch(url(), asking({ 'content-type': 'application/json' }));
  expect([owner.status, (await owner.json()).error.code]).toEqual([402, 'price']);
  expect(await balance()).toBe(before);
  expect((await check()).text).not.toContain('channel');
});

test('a caller pays the gateway, which pays the provider less, and both are in the books', async () => {
  const person = await chain.person(5_000_000n);
  const response = await paying(person)(url(), asking());
  expect(response.status).toBe(200);
  const { usage, tabloom } = await response.json();
  expect(tabloom.receipt.checks).toMatchObject({ signature: true, payment: true });
  const spent = BigInt(tabloom.receipt.record.payment.total);
  expect(spent).toBeGreaterThan(0n);
  // The caller is charged twice as much by the token.
  expect(spent * 2n).toBeLessThanOrEqual(
    BigInt(usage.prompt_tokens) * 1_000n + BigInt(usage.completion_tokens) * 2_000n,
  );
  await expect.poll(booked).toBe(spent * 100n);
  const { text, code } = await check();
  expect(code, text).toBe(0);
  expect(text).toMatch(/^chain 31337 channels 1, deposited \d+, promised \d+, claimed 0$/m);
  expect(text).toMatch(/^chain 31337 payments 1, paid \d+$/m);
});

test('a gateway that was killed in an answer books what it had promised, and what it claims is what it promised', async () => {
  const before = (await booked()) / 100n;
  const person = await chain.person(5_000_000n);
  const response = await paying(person)(
    url(),
    asking(away, {
      stream: true,
      max_tokens: 1_000,
      messages: [{ role: 'user', content: 'Tell me a long story about the sea.' }],
    }),
  );
  expect(response.status).toBe(200);
  const reader = response.body!.getReader();
  for (let bytes = 0; bytes < 12_000;) {
    const { value, done } = await reader.read();
    if (done) break;
    bytes += value.length;
  }
  await relay.halt('SIGKILL');
  await reader.cancel().catch(() => undefined);
  await relay.restart();
  const { text, code } = await check();
  expect(code, text).toBe(0);
  const promised = (await booked()) / 100n;
  expect(text).toContain(`promised ${promised * 100n}, claimed 0`);
  expect(promised).toBeGreaterThan(before);
  // The provider looks at the chain when it starts, and claims what it was promised.
  await provider.halt('SIGKILL');
  await provider.restart();
  await expect.poll(() => chain.chain().tokenBalance(earner.address)).toBe((promised * 9n) / 10n);
  const after = await check();
  expect(after.code, after.text).toBe(0);
  expect(after.text).toContain(`promised ${promised * 100n}, claimed ${promised * 100n}`);
});

test('a chain that does not respond is told, and the books are what they are', async () => {
  const { text, code } = await runRelay(['ledger', 'check'], { DATA_DIR: folder, CHAIN_RPC_URL: 'http://127.0.0.1:9' });
  expect(code, text).toBe(0);
  expect(text).toContain('chain 31337 not compared: chain-unavailable');
});

test('a claim that the books do not know is found', async () => {
  await db
    .updateTable('transfers')
    .set(({ eb }) => ({ units: eb('units', '-', 100n) }))
    .where('type', '=', 'spend')
    .execute();
  const { text, code } = await check();
  expect(code).toBe(1);
  expect(text).toMatch(/channel 31337\/0x\w+ was claimed for \d+, and \d+ are booked/);
});

test('a wallet sets tokens aside for a job: a bonded provider answers and claims, and the rest and what was not used come back', async () => {
  const on = chain.chain();
  const person = await chain.person(10_000_000n);
  const account = privateKeyToAccount(person.key);
  const post = async (path: string, body: object, token?: string) => {
    const headers = { ...away, ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(relay.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  const { nonce, domain } = (await post('/v1/auth/nonce', {})).body;
  const message = createSiweMessage({
    address: account.address,
    chainId: 31_337,
    domain,
    nonce,
    uri: relay.url,
    version: '1',
    issuedAt: new Date(),
  });
  const signature = await account.signMessage({ message });
  const { token } = (await post('/v1/auth/sign-in', { message, signature })).body;

  const { timestamp } = await on.head();
  const escrow = (job: string) => ({
    job,
    chain: 31_337,
    model: 'tabloom-demo',
    provider: earner.address,
    units: 2,
    price_credits: '100',
    deadline: timestamp + 3_600,
  });
  const set = (job: string) => post('/llm/escrow', escrow(job), token);
  expect((await post('/llm/escrow', escrow('a'))).body.error.code).toBe('not_signed_in');
  expect((await set('a')).body.error.code, 'without a bond').toBe('provider_unlisted');
  const { workers } = await (await fetch(`${relay.url}/v1/network`)).json();
  const { peer } = workers.find((worker: { payout?: object }) => worker.payout);
  const stake = 400_000_000n;
  await chain.give(earner.address, stake);
  const deposit = await signDeposit(on, earner, earner.address, stake, on.entry.contracts.providers);
  await bond(on, person.wallet, { provider: earner.address, amount: stake, deposit });
  const words = { metadataHash: `0x${'0'.repeat(64)}`, pricesHash: `0x${'0'.repeat(64)}` } as const;
  await describeProvider(on, earner.wallet, { offerKey: offerKeyOf(peer), ...words });

  const [used, unused] = [(await set('a')).body, (await set('b')).body];
  expect([used.state, used.channel.amount]).toEqual(['unfunded', '2000000']);
  const asking = { ...question({ max_tokens: 60 }), tabloom: { escrow: 'a' } };
  expect((await post('/v1/chat/completions', asking, token)).body.error.code).toBe('escrow_unfunded');
  for (const { channel } of [used, unused]) {
    const { terms, id } = channel;
    const amount = BigInt(channel.amount);
    await open(on, person.wallet, { terms, amount, deposit: await signDeposit(on, person, id, amount) });
  }
  expect((await set('a')).body).toMatchObject({ state: 'open', spent_credits: '0', channel: used.channel });

  const { owed } = on;
  const before = { owed: await owed(person.address), spender: await on.tokenBalance(spender.address) };
  const answer = await post('/v1/chat/completions', asking, token);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  const { payment } = answer.body.tabloom.receipt.record;
  expect(payment.channel).toBe(used.channel.id);
  const total = BigInt(payment.total);
  expect(total).toBeGreaterThan(0n);
  expect((await post('/v1/chat/completions', asking, token)).body.error.code, 'one job').toBe('escrow_closed');
  await expect.poll(async () => (await set('a')).body.state).toBe('released');
  // What it did not cost is credited to its payer in the same transaction. The relay has paid nothing.
  expect((await owed(person.address)) - before.owed).toBe(2_000_000n - total);
  expect(await on.tokenBalance(spender.address)).toBe(before.spender);
  expect((await settle(on, person.wallet, person.address))!.amount).toBe(2_000_000n - total);

  const refund = () => post('/llm/refund', { job: 'b', chain: 31_337 }, token);
  expect((await refund()).body.error.code).toBe('escrow_not_due');
  await relay.halt('SIGKILL');
  await relay.restart();
  await chain.moveTo(timestamp + 3_601);
  expect((await refund()).body).toMatchObject({ state: 'refunded', spent_credits: '0' });
  expect((await refund()).status).toBe(200);
  expect(await on.tokenBalance(person.address)).toBe(10_000_000n - total);
});
