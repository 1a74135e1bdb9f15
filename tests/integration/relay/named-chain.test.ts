import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { runRelay, startRelay, temporaryFolder, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startAnvil } from '../../../relay/chain/anvil.ts';
import { startLocalChain, type LocalChain } from '../pay/chain.fixture.ts';

/** A relay that names a chain: what it says of it, and what goes through it. */
let chain: LocalChain;
let relay: RelayProcess;
beforeAll(async () => {
  chain = await startLocalChain();
  relay = await startRelay({ native: 'no-native', env: { CHAIN: chain.anvil.url } });
});
afterAll(async () => {
  await relay?.dispose();
  await chain?.stop();
});

const post = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${relay.url}/pay/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

describe('a relay with a chain', () => {
  test('names it, and where it is reached', async () => {
    const info = await (await fetch(`${relay.url}/relay.json`)).json();
    expect(info).toMatchObject({ payments: { chain: 31337, rpc: '/pay/rpc', faucet: '/pay/faucet' } });
    expect(JSON.stringify(info)).not.toContain(chain.anvil.url);
  });

  test('passes on what the library reads, and a transaction that its sender has signed', async () => {
    const { wallet, address } = await chain.person(5n);
    const through = createChain(
      { clock: systemClock, fetch },
      { entry: deployedChain(31337), rpcUrl: `${relay.url}/pay/rpc`, limits: { pollMs: 20 } },
    );
    expect(await through.tokenBalance(address)).toBe(5n);
    const { hash } = await through.transact(wallet, { to: address, data: '0x' });
    expect(hash).toMatch(/^0x[0-9a-f]{64}$/);
  });

  test("passes on nothing of the node's own accounts", async () => {
    const answer = await post({ jsonrpc: '2.0', id: 1, method: 'eth_accounts' });
    expect(await answer.json()).toMatchObject({ id: 1, error: { code: -32_601 } });
  });

  test('refuses what is too large, what is no request, and pages of other sites', async () => {
    expect((await post({ jsonrpc: '2.0', method: 'eth_call', params: ['0'.repeat(300_000)] })).status).toBe(413);
    expect((await post([{ jsonrpc: '2.0', method: 'eth_chainId' }])).status).toBe(400);
    expect((await post({}, { origin: 'https://other.example' })).status).toBe(403);
  });
});

describe('a relay that starts its own chain', () => {
  const address = '0x00000000000000000000000000000000000000aa';
  const chainOf = ({ url }: RelayProcess) =>
    createChain(
      { clock: systemClock, fetch },
      { entry: deployedChain(31337), rpcUrl: `${url}/pay/rpc`, limits: { pollMs: 20 } },
    );
  const ask = ({ url }: RelayProcess) =>
    fetch(`${url}/pay/faucet`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ address }),
    });

  test('gives test money, and keeps it when it is stopped or killed', async () => {
    const own = await startRelay({ native: 'no-native', env: { CHAIN: 'local', CHAIN_PORT: '0' } });
    try {
      expect(await (await ask(own)).json()).toEqual({ amount: '1000000000' });
      const again = await ask(own);
      expect(again.status).toBe(429);
      // An hour after the gift, of which some seconds may have gone by.
      const seconds = Number(again.headers.get('retry-after'));
      expect(seconds).toBeGreaterThan(3_000);
      expect(seconds).toBeLessThanOrEqual(3_600);
      expect(await chainOf(own).coinBalance(address)).toBe(10n ** 18n);
      await own.restart();
      expect(await chainOf(own).tokenBalance(address)).toBe(1_000_000_000n);
      await own.halt('SIGKILL');
      await own.restart();
      expect(await chainOf(own).tokenBalance(address)).toBe(1_000_000_000n);
    } finally {
      await own.dispose();
    }
  });

  test('says that its port is taken, and by what to name the chain there', async () => {
    const result = await runRelay(['--no-native', '--port', '0', '--chain', 'local'], {
      CHAIN_PORT: String(chain.anvil.port),
      DATA_DIR: await temporaryFolder(),
    });
    expect(result).toEqual({ code: 1, text: expect.stringMatching(/^chain-port-in-use: .*--chain http:/) });
  });
});

describe('does not start', () => {
  test.each([
    ['with a chain that no contracts are listed for', 10, {}, /^chain-unknown: /, 1],
    ['with one that they are not on', 31337, {}, /^contracts-missing: .*31337/, 1],
    ['where another setting names another chain', 31337, { EARN_CHAIN: '8453' }, /^bad-setting: .*EARN_CHAIN/, 2],
  ] as const)('%s', async (_, chainId, env, line, code) => {
    const bare = await startAnvil({ chainId });
    const result = await runRelay(['--no-native', '--port', '0', '--chain', bare.url], env);
    await bare.stop();
    expect(result).toEqual({ code, text: expect.stringMatching(line) });
  });

  test('where nothing answers', async () => {
    const result = await runRelay(['--no-native', '--port', '0', '--chain', 'http://127.0.0.1:9']);
    expect(result).toEqual({ code: 1, text: expect.stringMatching(/^chain-unavailable: /) });
  });
});
