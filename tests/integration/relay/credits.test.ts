import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { Mppx, evm } from 'mppx/client';
import { numberToHex, parseSignature, serializeSignature } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSiweMessage } from 'viem/siwe';
import { startRelay, temporaryFolder, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startLocalChain, type LocalChain, type Person } from '../pay/chain.fixture.ts';
import { openDatabase } from '../../../relay/ledger/database.ts';
import { question } from './http.ts';

/** A relay that charges for its jobs, paid by clients nobody here wrote, on a real chain. */
let chain: LocalChain;
let folder: string;
let relay: RelayProcess;
let gas: Person;
let payee: Person['address'];
const settings = () => ({
  PRICE_IN: '100',
  PRICE_OUT: '200',
  CREDITS_CHAIN: '31337',
  CREDITS_PAYEE: payee,
  CREDITS_KEY: gas.key,
  CHAIN_RPC_URL: chain.anvil.url,
  // What comes from this machine is its owner's, and costs nothing.
  TRUSTED_PROXIES: '127.0.0.1',
});
beforeAll(async () => {
  chain = await startLocalChain();
  gas = await chain.person(0n);
  ({ address: payee } = await chain.person(0n));
  folder = await temporaryFolder();
  relay = await startRelay({ native: 'with-native', dataDir: folder, env: settings() });
});
afterAll(async () => {
  await relay?.dispose();
  await chain?.stop();
  await rm(folder, { recursive: true, force: true });
});

const dollars = (units: number) => BigInt(units) * 1_000_000n;
const away = { 'x-forwarded-for': '198.51.100.7', 'content-type': 'application/json' };
const asking = (more: object = {}): RequestInit => ({
  method: 'POST',
  headers: away,
  body: JSON.stringify(question({ max_tokens: 32, ...more })),
});
const buying = (credits: number): RequestInit => ({ method: 'POST', headers: away, body: JSON.stringify({ credits }) });
const received = () => chain.chain().tokenBalance(payee);

const x402Fetch = ({ key }: Person) => {
  const account = privateKeyToAccount(key);
  const client = x402Client.fromConfig({
    schemes: [{ network: 'eip155:31337', client: new ExactEvmScheme(account) }],
    spendControls: false,
  });
  return wrapFetchWithPayment(fetch, client);
};
const mppFetch = ({ key }: Person) =>
  Mppx.create({
    polyfill: false,
    methods: [
      evm.charge({
        account: privateKeyToAccount(key),
        currencies: [chain.entry.token.address],
        networks: [31337],
        authorization: { name: chain.entry.token.name, version: chain.entry.token.version },
      } as Parameters<typeof evm.charge>[0]),
    ],
  }).fetch;

/** A session of the wallet, and a key that it makes. */
async function keyOf({ key, wallet }: Person): Promise<{ readonly session: string; readonly key: string }> {
  const account = privateKeyToAccount(key);
  const { nonce, domain } = (await (
    await fetch(`${relay.url}/v1/auth/nonce`, { method: 'POST', headers: away })
  ).json()) as {
    nonce: string;
    domain: string;
  };
  const message = createSiweMessage({
    address: wallet.address,
    chainId: 31337,
    domain,
    nonce,
    uri: relay.url,
    version: '1',
  });
  const body = JSON.stringify({ message, signature: await account.signMessage({ message }) });
  const signedIn = await fetch(`${relay.url}/v1/auth/sign-in`, { method: 'POST', headers: away, body });
  const { token } = (await signedIn.json()) as { token: string };
  const headers = { ...away, authorization: `Bearer ${token}` };
  const made = await fetch(`${relay.url}/v1/keys`, { method: 'POST', headers, body: '{}' });
  return { session: token, key: ((await made.json()) as { key: string }).key };
}

const balanceOf = async (token: string) => {
  const response = await fetch(`${relay.url}/v1/credits`, { headers: { ...away, authorization: `Bearer ${token}` } });
  return (await response.json()) as { balance: string; held: string; price: object };
};

describe('a stranger', () => {
  test('is told the terms in both headers and in the body, and nothing is done', async () => {
    const response = await fetch(`${relay.url}/v1/chat/completions`, asking());
    expect(response.status).toBe(402);
    expect(response.headers.get('www-authenticate')).toMatch(/^Payment .*method="evm".*intent="charge"/);
    const header = JSON.parse(Buffer.from(response.headers.get('payment-required')!, 'base64').toString());
    const body = await response.json();
    expect(header).toMatchObject({
      x402Version: 2,
      accepts: [{ scheme: 'exact', network: 'eip155:31337', payTo: payee }],
    });
    expect(body).toMatchObject({
      x402Version: 2,
      accepts: header.accepts,
      scheme: 'exact',
      price_credits: '1',
      error: { code: 'payment_required', type: 'insufficient_quota' },
    });
  });

  test('pays for one answer with @x402/fetch, and keeps what it did not use', async () => {
    const person = await chain.person(dollars(1));
    const before = await received();
    const response = await x402Fetch(person)(`${relay.url}/v1/chat/completions`, asking());
    expect(response.status).toBe(200);
    expect((await response.json()).choices[0].message.content).not.toBe('');
    expect((await received()) - before).toBe(10_000n);
    const receipt = JSON.parse(Buffer.from(response.headers.get('payment-response')!, 'base64').toString());
    expect(receipt).toMatchObject({ success: true, payer: person.address });
    const { session } = await keyOf(person);
    // The ledger closes a job soon after its answer.
    await expect.poll(async () => (await balanceOf(session)).held).toBe('0');
    const { balance } = await balanceOf(session);
    expect(Number(balance)).toBeGreaterThan(0.9);
    expect(Number(balance)).toBeLessThan(1);
  });

  test('pays for a stream, which is not held back until it is whole', async () => {
    const person = await chain.person(dollars(1));
    const response = await x402Fetch(person)(`${relay.url}/v1/chat/completions`, asking({ stream: true }));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
  });

  test('pays with mppx by the Payment scheme', async () => {
    const person = await chain.person(dollars(1));
    const before = await received();
    const response = await mppFetch(person)(`${relay.url}/v1/chat/completions`, asking());
    expect(response.status).toBe(200);
    expect(response.headers.get('payment-receipt')).not.toBeNull();
    expect((await received()) - before).toBe(10_000n);
  });

  test('cannot pay twice with one signature, nor with that of another', async () => {
    const person = await chain.person(dollars(1));
    let signed: string | undefined;
    const spying: typeof fetch = (input, init) => {
      const request = new Request(input, init);
      signed ??= request.headers.get('payment-signature') ?? undefined;
      return fetch(request);
    };
    const client = x402Client.fromConfig({
      schemes: [{ network: 'eip155:31337', client: new ExactEvmScheme(privateKeyToAccount(person.key)) }],
      spendControls: false,
    });
    const paid = await wrapFetchWithPayment(spying, client)(`${relay.url}/v1/chat/completions`, asking());
    expect(paid.status).toBe(200);
    const before = await received();
    const again = await fetch(`${relay.url}/v1/chat/completions`, {
      ...asking(),
      headers: { ...away, 'payment-signature': signed! },
    });
    expect(again.status).toBe(402);
    expect((await again.json()).error.message).toMatch(/has been used/);
    expect(await received()).toBe(before);
  });

  test('whose signature the token does not take is told so, and may sign again', async () => {
    const person = await chain.person(dollars(1));
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    /** The second form of the same signature, of which a token takes the first alone. */
    const turned = (header: string) => {
      const payment = JSON.parse(atob(header));
      const { r, s, yParity } = parseSignature(payment.payload.signature);
      const high = { r, s: numberToHex(order - BigInt(s), { size: 32 }), yParity: 1 - yParity };
      payment.payload.signature = serializeSignature(high);
      return btoa(JSON.stringify(payment));
    };
    const sending = (change: (header: string) => string) => {
      const client = x402Client.fromConfig({
        schemes: [{ network: 'eip155:31337', client: new ExactEvmScheme(privateKeyToAccount(person.key)) }],
        spendControls: false,
      });
      return wrapFetchWithPayment((input, init) => {
        const request = new Request(input, init);
        const signed = request.headers.get('payment-signature');
        if (signed !== null) request.headers.set('payment-signature', change(signed));
        return fetch(request);
      }, client)(`${relay.url}/v1/chat/completions`, asking());
    };
    const before = await received();
    const refused = await sending(turned);
    expect([refused.status, (await refused.json()).error.message]).toEqual([402, expect.stringMatching(/signature/)]);
    expect(await received()).toBe(before);
    expect((await sending((header) => header)).status).toBe(200);
  });

  test('whose wallet is empty is told so, and nothing is done', async () => {
    const person = await chain.person(0n);
    const response = await x402Fetch(person)(`${relay.url}/v1/chat/completions`, asking()).catch((error) => error);
    expect(response.status).toBe(402);
  });

  test('of this machine pays nothing', async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${relay.url}/v1/chat/completions`, { ...asking(), headers });
    expect(response.status).toBe(200);
  });
});

describe('a wallet', () => {
  test('buys credits, and its key spends them to the unit', async () => {
    const person = await chain.person(dollars(5));
    const { session, key } = await keyOf(person);
    const withKey = { ...away, authorization: `Bearer ${key}` };
    const poor = await fetch(`${relay.url}/v1/chat/completions`, { ...asking(), headers: withKey });
    expect(poor.status).toBe(402);
    expect((await poor.json()).error.code).toBe('insufficient_credits');

    const headers = { ...away, authorization: `Bearer ${session}` };
    const bought = await x402Fetch(person)(`${relay.url}/v1/credits/buy`, { ...buying(150), headers });
    expect(await bought.json()).toMatchObject({ object: 'credit.purchase', credits: '150', chain: 31337 });
    expect(await chain.chain().tokenBalance(person.address)).toBe(dollars(5) - 1_500_000n);
    expect((await balanceOf(session)).balance).toBe('150');

    const answered = await fetch(`${relay.url}/v1/chat/completions`, { ...asking(), headers: withKey });
    expect(answered.status).toBe(200);
    const { usage } = await answered.json();
    const cost = BigInt(usage.prompt_tokens) * 100n + BigInt(usage.completion_tokens) * 200n;
    await expect.poll(async () => (await balanceOf(key)).balance).toBe(String(Number(150_000_000n - cost) / 1_000_000));
    expect((await balanceOf(key)).held).toBe('0');
  });

  test('without a session credits whoever signs, by either scheme', async () => {
    const person = await chain.person(dollars(5));
    const first = await x402Fetch(person)(`${relay.url}/v1/credits/buy`, buying(100));
    const second = await mppFetch(person)(`${relay.url}/v1/credits/buy`, buying(50));
    expect([first.status, second.status]).toEqual([200, 200]);
    expect((await balanceOf((await keyOf(person)).session)).balance).toBe('150');
  });

  test.each([0, -1, 1.5, 1e9, '5', null])('cannot buy %s credits', async (credits) => {
    const response = await fetch(`${relay.url}/v1/credits/buy`, {
      method: 'POST',
      headers: away,
      body: JSON.stringify({ credits }),
    });
    expect(response.status).toBe(400);
    expect((await response.json()).error.param).toBe('credits');
  });

  test('a payment whose relay is killed before it is credited is credited at the next start', async () => {
    const person = await chain.person(dollars(5));
    // The chain takes the payment and mines it when it is told to.
    await chain.clients.clock.setAutomine(false);
    const buy = x402Fetch(person)(`${relay.url}/v1/credits/buy`, buying(100)).catch(() => undefined);
    await expect.poll(async () => (await chain.clients.clock.getTxpoolContent()).pending).not.toEqual({});
    await relay.halt('SIGKILL');
    await buy;
    await chain.mine(1);
    await chain.clients.clock.setAutomine(true);
    await relay.restart();
    const { session } = await keyOf(person);
    await expect.poll(async () => (await balanceOf(session)).balance).toBe('100');
    expect(await chain.chain().tokenBalance(person.address)).toBe(dollars(4));
  });
});

describe('two wallets', () => {
  const post = async (path: string, bearer: string, body: object) => {
    const headers = { ...away, authorization: `Bearer ${bearer}` };
    const response = await fetch(`${relay.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  const meet = async () => {
    const [payer, provider] = [await chain.person(dollars(5)), await chain.person(0n)];
    const [paying, paid] = [await keyOf(payer), await keyOf(provider)];
    const headers = { ...away, authorization: `Bearer ${paying.session}` };
    await x402Fetch(payer)(`${relay.url}/v1/credits/buy`, { ...buying(100), headers });
    const terms = { job: 'j', model: 'm', provider: provider.address, units: 10, price_credits: '2.5' };
    return { paying, paid, terms };
  };
  const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

  test('escrow the most, pay for what was delivered, once, and spend what came of it', async () => {
    const { paying, paid, terms } = await meet();
    const opened = { ...terms, deadline: inSeconds(3_600) };
    for (let times = 0; times < 2; times++) expect((await post('/llm/escrow', paying.key, opened)).status).toBe(200);
    expect((await balanceOf(paying.session)).balance).toBe('75');
    expect((await post('/llm/release', paid.session, { job: 'j', units: 10 })).body.error.code).toBe('escrow_unknown');
    expect((await post('/llm/refund', paying.session, { job: 'j' })).body.error.code).toBe('escrow_not_due');
    for (let times = 0; times < 2; times++) {
      const { body } = await post('/llm/release', paying.session, { job: 'j', units: 6 });
      expect(body).toMatchObject({
        state: 'released',
        paid_credits: '13.5',
        network_credits: '1.5',
        refunded_credits: '10',
      });
    }
    expect((await balanceOf(paying.session)).balance).toBe('85');
    expect((await balanceOf(paid.session)).balance).toBe('13.5');
    const headers = { ...away, authorization: `Bearer ${paid.key}` };
    expect((await fetch(`${relay.url}/v1/chat/completions`, { ...asking(), headers })).status).toBe(200);
  });

  test('what is past its deadline comes back by itself, by a relay that was killed before it', async () => {
    const { paying, terms } = await meet();
    expect((await post('/llm/escrow', paying.key, { ...terms, deadline: inSeconds(3_600) })).status).toBe(200);
    expect((await balanceOf(paying.session)).balance).toBe('75');
    await relay.halt('SIGKILL');
    // An hour goes by.
    const db = await openDatabase({ file: join(folder, 'ledger.db') });
    const past = { deadline: BigInt(inSeconds(-1)) };
    await db.updateTable('escrows').set(past).where('state', '=', 'open').execute();
    await db.destroy();
    await relay.restart();
    await expect.poll(async () => (await balanceOf(paying.session)).balance).toBe('100');
    const again = await post('/llm/release', paying.session, { job: 'j', units: 10 });
    expect(again.body.error.code).toBe('escrow_closed');
  });
});
