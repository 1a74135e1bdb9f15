import { rm } from 'node:fs/promises';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import OpenAI from 'openai';
import { erc20Abi, parseAbi } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { permit2Address } from '#lib/pay/chain/permits.ts';
import { standins } from '../../fixtures/metered/standins.ts';
import { runRelay, startRelay, temporaryFolder, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from '../pay/chain.fixture.ts';
import { question } from './http.ts';

/** A stranger pays what one streamed answer comes to, with a client that nobody here wrote. */
let chain: LocalChain;
let relay: RelayProcess;
let payee: Person['address'];
let folder: string;
beforeAll(async () => {
  chain = await startLocalChain();
  for (const [address, bytecode] of await standins()) await chain.clients.clock.setCode({ address, bytecode });
  const gas = await chain.person(0n);
  ({ address: payee } = await chain.person(0n));
  const env = {
    // Dear, so that a short answer comes to whole units of the token.
    PRICE_IN: '20000',
    PRICE_OUT: '40000',
    CREDITS_CHAIN: '31337',
    CREDITS_PAYEE: payee,
    CREDITS_KEY: gas.key,
    CHAIN_RPC_URL: chain.anvil.url,
    // What comes from this machine is its owner's, and costs nothing.
    TRUSTED_PROXIES: '127.0.0.1',
  };
  folder = await temporaryFolder();
  relay = await startRelay({ native: 'with-native', env, dataDir: folder });
  await offered();
});
afterAll(async () => {
  await relay?.dispose();
  await chain?.stop();
  await rm(folder, { recursive: true, force: true });
});

const away = { 'x-forwarded-for': '198.51.100.7', 'content-type': 'application/json' };
const asking = (more: object = {}): RequestInit => ({
  method: 'POST',
  headers: away,
  body: JSON.stringify(question({ max_tokens: 32, stream: true, stream_options: { include_usage: true }, ...more })),
});
const path = () => `${relay.url}/v1/chat/completions`;
/** The relay asks the chain first whether that can do this. */
const offered = () =>
  vi.waitFor(async () => expect((await (await fetch(path(), asking())).json()).accepts).toHaveLength(2), {
    timeout: 90_000,
    interval: 50,
  });
const held = (address: Person['address']) => chain.chain().tokenBalance(address);

/** With tokens, of which Permit2 may take any. */
async function payer(units = 10_000_000n): Promise<Person> {
  const person = await chain.person(units);
  await chain.clients.sender.writeContract({
    account: privateKeyToAccount(person.key),
    chain: chain.clients.sender.chain,
    address: chain.entry.token.address,
    abi: erc20Abi,
    functionName: 'approve',
    args: [permit2Address, 2n ** 255n],
  });
  return person;
}

function clientOf({ key }: Person, onSent: (signature: string) => void = () => undefined) {
  const account = privateKeyToAccount(key);
  const client = x402Client.fromConfig({
    schemes: [{ network: 'eip155:31337', client: new UptoEvmScheme(account) }],
    spendControls: false,
  });
  return wrapFetchWithPayment((input, init) => {
    const request = new Request(input, init);
    const signature = request.headers.get('payment-signature');
    if (signature !== null) onSent(signature);
    return fetch(request);
  }, client);
}

/** The usage that the stream told, and the receipt after its end. */
function readStream(text: string) {
  const [answer, after] = text.split('data: [DONE]\n\n');
  const events = answer!
    .split('\n\n')
    .flatMap((event) => (event.startsWith('data: ') ? [JSON.parse(event.slice(6))] : []));
  const usage = events.findLast(({ usage }) => usage)?.usage as { prompt_tokens: number; completion_tokens: number };
  const receipt = /^event: payment-response\ndata: (.*)\n\n$/m.exec(after ?? '')?.[1];
  return { usage, receipt: receipt === undefined ? undefined : JSON.parse(receipt) };
}

test('a streamed answer is offered for what it comes to, beside credits', async () => {
  const response = await fetch(path(), asking());
  expect(response.status).toBe(402);
  expect((await response.json()).accepts).toMatchObject([
    { scheme: 'exact' },
    { scheme: 'upto', network: 'eip155:31337', payTo: payee, extra: { assetTransferMethod: 'permit2' } },
  ]);
  const whole = await fetch(path(), asking({ stream: false }));
  expect((await whole.json()).accepts).toHaveLength(1);
});

test('@x402/fetch pays for a stream, and what was metered is taken, to the unit', async () => {
  const person = await payer();
  const before = await held(payee);
  const response = await clientOf(person)(path(), asking());
  expect(response.status).toBe(200);
  const { usage, receipt } = readStream(await response.text());
  // A credit is ten thousand units, and the prices are of a million tokens.
  const units = BigInt(usage.prompt_tokens) * 200n + BigInt(usage.completion_tokens) * 400n;
  expect(receipt).toMatchObject({ success: true, payer: person.address, amount: `${units}` });
  expect(receipt.transaction).toMatch(/^0x[0-9a-f]{64}$/);
  expect((await held(payee)) - before).toBe(units);
  expect(await held(person.address)).toBe(10_000_000n - units);
});

test('a client that knows both schemes pays by either', async () => {
  const person = await payer();
  const account = privateKeyToAccount(person.key);
  const client = x402Client.fromConfig({
    schemes: [
      { network: 'eip155:31337', client: new UptoEvmScheme(account) },
      { network: 'eip155:31337', client: new ExactEvmScheme(account) },
    ],
    spendControls: false,
  });
  const response = await wrapFetchWithPayment(fetch, client)(path(), asking());
  expect(response.status).toBe(200);
  expect(await response.text()).toContain('data: [DONE]');
});

test('the openai client reads such a stream to its end, and what it left is collected all the same', async () => {
  const person = await payer();
  const before = await held(payee);
  const client = new OpenAI({
    baseURL: `${relay.url}/v1`,
    apiKey: 'none',
    fetch: clientOf(person),
    defaultHeaders: { 'x-forwarded-for': away['x-forwarded-for'] },
    maxRetries: 0,
  });
  const stream = await client.chat.completions.create({
    ...(question({ max_tokens: 32 }) as { model: string; messages: [] }),
    stream: true,
    stream_options: { include_usage: true },
  });
  let usage: OpenAI.CompletionUsage | null | undefined;
  let text = '';
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  expect(text).not.toBe('');
  const units = BigInt(usage!.prompt_tokens) * 200n + BigInt(usage!.completion_tokens) * 400n;
  await expect.poll(async () => (await held(payee)) - before).toBe(units);
});

test('one signature pays one answer', async () => {
  const person = await payer();
  let signature = '';
  const first = await clientOf(person, (sent) => (signature = sent))(path(), asking());
  await first.text();
  const left = await held(person.address);
  const again = await fetch(path(), { ...asking(), headers: { ...away, 'payment-signature': signature } });
  expect(again.status).toBe(402);
  expect((await again.json()).error.message).toMatch(/used/);
  expect(await held(person.address)).toBe(left);
});

test.each([
  ['no tokens', () => payer(0n), 'insufficient_funds'],
  ['no approval', () => chain.person(10_000_000n), 'allowance_too_small'],
])('a payer with %s is told so, and nothing is done', async (_, person, code) => {
  let signature = '';
  await clientOf(await person(), (sent) => (signature = sent))(path(), asking()).catch(() => undefined);
  const response = await fetch(path(), { ...asking(), headers: { ...away, 'payment-signature': signature } });
  expect([response.status, (await response.json()).error.code]).toEqual([402, code]);
});

interface Authorization {
  nonce: string;
  deadline: string;
  permitted: { amount: string };
  witness: { to: string; facilitator: string };
}

test('a permit that is changed, or for a whole answer, is refused', async () => {
  const person = await payer();
  let signature = '';
  await (await clientOf(person, (sent) => (signature = sent))(path(), asking())).text();
  const payment = JSON.parse(atob(signature));
  const send = (change: (authorization: Authorization) => void, more: object = {}) => {
    const changed = structuredClone(payment);
    change(changed.payload.permit2Authorization);
    const headers = { ...away, 'payment-signature': btoa(JSON.stringify(changed)) };
    return fetch(path(), { ...asking(more), headers });
  };
  const changes: ((authorization: Authorization) => void)[] = [
    (one) => (one.nonce = '7'),
    (one) => (one.permitted.amount = '1'),
    (one) => (one.deadline = '1'),
    (one) => (one.witness.to = person.address),
    (one) => (one.witness.facilitator = person.address),
    (one) => (one.nonce = `${2n ** 256n}`),
  ];
  for (const change of changes) expect((await send(change)).status).toBe(402);
  const whole = await send(() => undefined, { stream: false });
  expect((await whole.json()).error.message).toMatch(/streamed answer/);
});

test('what a killed relay had not collected is collected at the next start, once', async () => {
  const person = await payer();
  const before = await held(payee);
  // The chain takes the transaction and mines it when it is told to.
  await chain.clients.clock.setAutomine(false);
  const response = await clientOf(person)(path(), asking());
  const read = response.text().catch(() => '');
  await expect.poll(async () => (await chain.clients.clock.getTxpoolContent()).pending).not.toEqual({});
  await relay.halt('SIGKILL');
  await read;
  await chain.mine(1);
  await chain.clients.clock.setAutomine(true);
  const taken = (await held(payee)) - before;
  expect(taken).toBeGreaterThan(0n);
  await relay.restart();
  await offered();
  const other = await payer();
  await (await clientOf(other)(path(), asking())).text();
  const spent = 10_000_000n - (await held(other.address));
  expect((await held(payee)) - before).toBe(taken + spent);
  const { code, text } = await runRelay(['ledger', 'check'], { DATA_DIR: folder, CHAIN_RPC_URL: chain.anvil.url });
  expect(code, text).toBe(0);
  expect(text).toMatch(/^chain 31337 metered answers [1-9]\d*, collected [1-9]\d*$/m);
});

test('a payer that cancels its permit meanwhile is not served again with it', async () => {
  const person = await payer();
  let signature = '';
  await (await clientOf(person, (sent) => (signature = sent))(path(), asking())).text();
  const payment = JSON.parse(atob(signature));
  const nonce = BigInt(payment.payload.permit2Authorization.nonce);
  await chain.clients.sender.writeContract({
    account: privateKeyToAccount(person.key),
    chain: chain.clients.sender.chain,
    address: permit2Address,
    abi: parseAbi(['function invalidateUnorderedNonces(uint256, uint256)']),
    functionName: 'invalidateUnorderedNonces',
    args: [nonce >> 8n, 1n << (nonce & 255n)],
  });
  const again = await fetch(path(), { ...asking(), headers: { ...away, 'payment-signature': signature } });
  expect([again.status, (await again.json()).error.code]).toEqual([402, 'authorization_used']);
});
