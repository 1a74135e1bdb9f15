import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '@playwright/test';
import { build } from 'vite';
import { systemClock } from '#lib/base/clock.ts';
import { claim } from '#lib/pay/actions/claim.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { channelIdOf } from '#lib/pay/terms.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { startLocalChain, type LocalChain } from '../../integration/pay/chain.fixture.ts';
import type { PayBench } from './page/main.ts';

declare const bench: PayBench;

let origin: string;
let server: Server;
let local: LocalChain;
test.describe.configure({ mode: 'serial' });
test.beforeAll(async () => {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: fileURLToPath(new URL('page/main.ts', import.meta.url)), formats: ['iife'], name: 'page' },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (!output || !('output' in output)) throw new Error('nothing was built');
  const script = output.output[0].code;
  // A server of its own: a page that comes from nowhere may not speak to a chain on this machine.
  server = createServer(({ url }, response) => {
    const isScript = url === '/main.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
    response.end(isScript ? script : '<!doctype html><script src="/main.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  origin = `http://localhost:${address.port}`;
  local = await startLocalChain();
});
test.afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await local?.stop();
});

async function visit(page: Page): Promise<void> {
  await page.goto(origin);
  await page.waitForFunction(() => 'bench' in globalThis);
}

async function fund(page: Page, units: bigint): Promise<void> {
  const address = await page.evaluate(() => bench.burner());
  await local.give(address, units);
}

test('a tab pays a provider in Node by the chunk, through a reload, and every unit is claimed', async ({ page }) => {
  const chain = local.chain();
  const provider = await local.person(0n);
  await visit(page);
  await fund(page, 1_000n);
  const terms = await page.evaluate(([url, to]) => bench.open(url, to, '1000', 'burner'), [
    local.anvil.url,
    provider.address,
  ] as const);
  const id = channelIdOf(terms);
  const payee = await createPayee({
    store: createVoucherStore(createMemoryStorage()),
    clock: systemClock,
    chain,
    time: createChainTime(chain, systemClock),
    provider: provider.address,
    providerSigner: provider.address,
    depositMin: 1n,
  });
  await payee.admit(terms);
  const pay = async (units: string) =>
    payee.receive(await page.evaluate(([to, amount]) => bench.promise(to, amount), [id, units] as const));
  for (let total = 7; total <= 70; total += 7) expect((await pay(`${total}`)).added).toBe(7n);

  await page.reload();
  await page.waitForFunction(() => 'bench' in globalThis);
  expect(await page.evaluate(() => bench.remembered())).toMatchObject([{ channelId: id, cumulativeAmount: '70' }]);
  expect(await pay('100')).toMatchObject({ added: 30n, total: 100n });
  await expect(page.evaluate((to) => bench.promise(to, '1001'), id)).rejects.toThrow('does not hold that much');

  await claim({ chain, vouchers: createVoucherSigner(chain.entry) }, provider.wallet, await payee.claims([id]));
  expect(await chain.owed(provider.address)).toBe(90n);
});

test('a wallet that announces itself in the page signs once, and pays', async ({ page }) => {
  const [person, provider] = [await local.person(500n), await local.person(0n)];
  const asked: string[] = [];
  await page.exposeFunction('askWallet', async (method: string, params: readonly unknown[]) => {
    if (method === 'eth_chainId') return '0x7a69';
    if (method === 'wallet_requestPermissions') return [{ caveats: [{ value: [person.address] }] }];
    if (method.endsWith('ccounts')) return [person.address];
    asked.push(method);
    return person.wallet.signTypedData(JSON.parse(params[1] as string));
  });
  await page.addInitScript(() => {
    const ask = (globalThis as unknown as { askWallet: (method: string, params: unknown) => Promise<unknown> })
      .askWallet;
    const provider = {
      request: ({ method, params }: { method: string; params?: unknown }) => ask(method, params ?? []),
      on: () => undefined,
      removeListener: () => undefined,
    };
    const info = { uuid: crypto.randomUUID(), name: 'Test wallet', icon: 'data:,', rdns: 'test.wallet' };
    const detail = Object.freeze({ info, provider });
    addEventListener('eip6963:requestProvider', () =>
      dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail })),
    );
  });
  await visit(page);
  await fund(page, 0n);
  const terms = await page.evaluate(([url, to]) => bench.open(url, to, '500', 'injected'), [
    local.anvil.url,
    provider.address,
  ] as const);
  expect(terms.payer).toBe(person.address);
  expect((await local.chain().channel(channelIdOf(terms))).balance).toBe(500n);
  for (let chunk = 1; chunk <= 5; chunk++) {
    const voucher = await page.evaluate(([id, total]) => bench.promise(id, total), [
      channelIdOf(terms),
      `${chunk}00`,
    ] as const);
    expect(voucher.cumulativeAmount).toBe(`${chunk}00`);
  }
  expect(asked).toEqual(['eth_signTypedData_v4']);
});
