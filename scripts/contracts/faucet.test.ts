import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testUsdcAbi } from '../../contracts/generated/test-usdc.ts';
import { startAnvil, type Anvil } from '../../relay/chain/anvil.ts';
import { createFaucet, gift } from './faucet.ts';
import { deployLocal, localAccount, localClients, type LocalClients, type LocalContracts } from './local.ts';

let anvil: Anvil;
let clients: LocalClients;
let contracts: LocalContracts;
let faucet: Server;
let url: string;

beforeAll(async () => {
  anvil = await startAnvil();
  clients = localClients(anvil.url, localAccount(7));
  contracts = await deployLocal(clients);
  faucet = createFaucet(clients, contracts).listen(0, '127.0.0.1');
  await once(faucet, 'listening');
  url = `http://127.0.0.1:${(faucet.address() as AddressInfo).port}`;
});
afterAll(async () => {
  faucet.closeAllConnections();
  faucet.close();
  await anvil.stop();
});

const post = (body: string) => fetch(url, { method: 'POST', body });

test('pays gas and test money, also to two addresses at once', async () => {
  const addresses = [
    '0x0000000000000000000000000000000000001111',
    '0x0000000000000000000000000000000000002222',
  ] as const;
  const answers = await Promise.all(addresses.map((address) => post(JSON.stringify({ address }))));
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  for (const address of addresses) {
    expect(await clients.reader.getBalance({ address })).toBe(gift.weiAmount);
    const call = { address: contracts.token, abi: testUsdcAbi, functionName: 'balanceOf', args: [address] } as const;
    expect(await clients.reader.readContract(call)).toBe(gift.tokenUnits);
  }
});

test.each([
  ['no JSON', 'address', 400, 'bad-address'],
  ['no address', '{}', 400, 'bad-address'],
  ['a wrong address', '{"address":"0x12"}', 400, 'bad-address'],
  ['too much', JSON.stringify({ address: '0x'.padEnd(5_000, '0') }), 400, 'bad-address'],
])('refuses %s', async (_, body, status, code) => {
  const answer = await post(body);
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
});

test('answers pages on other origins, and only POST', async () => {
  const preflight = await fetch(url, { method: 'OPTIONS' });
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  expect((await fetch(url)).status).toBe(405);
});

test('refuses an address that keeps coming back', async () => {
  const body = JSON.stringify({ address: '0x0000000000000000000000000000000000003333' });
  const statuses: number[] = [];
  for (let visit = 0; visit < 21; visit += 1) statuses.push((await post(body)).status);
  expect(statuses).toEqual([...Array<number>(20).fill(200), 429]);
});
