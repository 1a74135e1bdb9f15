import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createPublicClient, http, type Address } from 'viem';
import { channelsAbi } from '../../contracts/generated/channels.ts';
import { disputesAbi } from '../../contracts/generated/disputes.ts';
import { providersAbi } from '../../contracts/generated/providers.ts';
import { testUsdcAbi } from '../../contracts/generated/test-usdc.ts';
import { chains } from '../../contracts/generated/chains.ts';
import { projectRoot } from '../tasks/tool.ts';
import { gift } from './faucet.ts';

type Ready = Readonly<
  Record<'rpcUrl' | 'faucetUrl', string> & Record<'token' | 'channels' | 'providers' | 'disputes', Address>
> & { readonly chainId: number; readonly readyMs: number };

let chain: ChildProcess | null = null;
afterEach(() => chain?.kill('SIGKILL'));

/** Runs `npm run chain` on free ports until it reports being ready. */
async function start(): Promise<{ readonly process: ChildProcess; readonly ready: Ready }> {
  const child = spawn(
    process.execPath,
    [join(projectRoot, 'scripts/contracts/chain.ts'), '--port', '0', '--faucet-port', '0'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  chain = child;
  const lines = createInterface({ input: child.stdout! });
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => String(text)),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the chain ended with ${code} before it was ready`))),
  ]);
  return { process: child, ready: JSON.parse(line) as Ready };
}

test('one command starts a chain with every contract and a faucet, and one signal stops both', async () => {
  const { process: child, ready } = await start();
  const client = createPublicClient({ transport: http(ready.rpcUrl) });
  expect(ready.chainId).toBe(31337);
  expect(Number.isInteger(ready.readyMs)).toBe(true);
  const { token, channels, providers, disputes } = ready;
  const local = chains.find(({ isLocal }) => isLocal)!;
  expect({ token, contracts: { channels, providers, disputes } }).toEqual({
    token: local.token.address,
    contracts: local.contracts,
  });
  const read = await Promise.all([
    client.readContract({ address: channels, abi: channelsAbi, functionName: 'shareBps' }),
    client.readContract({ address: providers, abi: providersAbi, functionName: 'token' }),
    client.readContract({ address: disputes, abi: disputesAbi, functionName: 'isOn' }),
  ]);
  expect(read).toEqual([1_000, token, false]);

  const visitor = '0x0000000000000000000000000000000000004444';
  const answer = await fetch(ready.faucetUrl, { method: 'POST', body: JSON.stringify({ address: visitor }) });
  expect(answer.status).toBe(200);
  expect(await client.getBalance({ address: visitor })).toBe(gift.weiAmount);
  const balance = { address: token, abi: testUsdcAbi, functionName: 'balanceOf', args: [visitor] } as const;
  expect(await client.readContract(balance)).toBe(gift.tokenUnits);

  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(0);
  await expect(fetch(ready.faucetUrl, { method: 'POST' })).rejects.toThrow();
  await expect(client.getChainId()).rejects.toThrow();
});

test('an invalid port is refused before anything starts', async () => {
  const child = spawn(process.execPath, [join(projectRoot, 'scripts/contracts/chain.ts'), '--port', '70000'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  chain = child;
  let errors = '';
  child.stderr!.on('data', (bytes: Buffer) => (errors += bytes.toString('utf8')));
  expect((await once(child, 'exit'))[0]).not.toBe(0);
  expect(errors).toContain('70000 is not a port: use 0 to 65535');
});
