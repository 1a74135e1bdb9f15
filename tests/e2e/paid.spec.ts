import type { Page } from '@playwright/test';
import { createWalletClient, http, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { startLocalChain, type LocalChain, type Person } from '../integration/pay/chain.fixture.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { expectClean } from './fixtures/looks.ts';
import { answers, send, startSharing, untilIdle, visit, whoAnswers } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';

/** A wallet of the browser (EIP-6963) that agrees to everything; answers with the methods that it was asked to sign or send with. */
async function installWallet(page: Page, { anvil }: LocalChain, { key, address, wallet }: Person): Promise<string[]> {
  const asked: string[] = [];
  const account = privateKeyToAccount(key);
  const client = createWalletClient({ account, transport: http(anvil.url) });
  await page.context().exposeFunction('askWallet', async (method: string, params: readonly unknown[]) => {
    if (method === 'eth_chainId') return '0x7a69';
    if (method === 'wallet_requestPermissions') return [{ caveats: [{ value: [address] }] }];
    if (method.endsWith('ccounts')) return [address];
    asked.push(method);
    if (method === 'eth_signTypedData_v4') return wallet.signTypedData(JSON.parse(params[1] as string));
    const { to, data, gas } = params[0] as { readonly to: Hex; readonly data: Hex; readonly gas: Hex };
    return client.sendTransaction({ to, data, gas: BigInt(gas), chain: null });
  });
  await page.context().addInitScript(() => {
    const ask = (globalThis as unknown as { askWallet: (method: string, params: unknown) => Promise<unknown> })
      .askWallet;
    const provider = {
      request: ({ method, params }: { method: string; params?: unknown }) => ask(method, params ?? []),
      on: () => undefined,
      removeListener: () => undefined,
    };
    const info = {
      uuid: '9b1d0ed0-0000-4000-8000-000000000001',
      name: 'Test wallet',
      icon: 'data:,',
      rdns: 'test.wallet',
    };
    const detail = Object.freeze({ info, provider });
    addEventListener('eip6963:requestProvider', () =>
      dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail })),
    );
  });
  return asked;
}

test('a tab sets a price and another pays it: deposit, cost, earnings, and the way out', async ({
  newProfile,
  keep,
}) => {
  test.setTimeout(180_000);
  const local = await startLocalChain();
  const relay = await startRelay({ native: 'no-native', env: { CHAIN: local.anvil.url } });
  try {
    const worker = await newProfile();
    await test.step('the worker makes a wallet and sets a price', async () => {
      await worker.goto(`${relay.url}/wallet`);
      await worker.getByRole('button', { name: 'Use this one' }).click();
      await expect(worker.getByTestId('balance')).toHaveText('$0.00');
      await worker.getByRole('button', { name: 'Show its key' }).click();
      const key = (await worker.getByTestId('private-key').textContent()) as Hex;
      await local.give(privateKeyToAccount(key).address, 0n);
      await visit(worker, 'Share');
      await expect(worker.getByText('Nobody asks money yet')).toBeVisible();
      await worker.getByLabel('A million tokens read').fill('1');
      await worker.getByLabel('A million tokens written').fill('20');
      await worker.getByRole('button', { name: 'Save price' }).click();
      await expect(worker.getByText('$1.00 / $20.00 for a million tokens')).toBeVisible();
      await startSharing(worker, relay.url);
    });

    const asker = await newProfile();
    const owner = await local.person(3_000_000n);
    const asked = await installWallet(asker, local, owner);
    await test.step('the asker is told who asks money, and nothing is paid before it agrees', async () => {
      await asker.goto(relay.url);
      await expect(whoAnswers(asker)).toContainText('Only peers that ask for money');
      await expect(asker.getByRole('region', { name: 'Paying for answers' })).toContainText('$1.00 / $20.00');
      await visit(asker, 'Network');
      await expect(asker.getByRole('table')).toContainText('$1.00 / $20.00');
      await visit(asker, 'Wallet');
      await asker.getByRole('button', { name: 'Connect' }).click();
      await expect(asker.getByTestId('balance')).toHaveText('$3.00');
      await visit(asker, 'Chat');
      expect(asked).toEqual([]);
      await asker.getByRole('button', { name: 'Pay up to $0.01 for an answer' }).click();
      await expect(whoAnswers(asker)).toContainText('browser tab');
    });

    await test.step('an answer is paid, and its cost stands below it', async () => {
      await send(asker, 'hello');
      await untilIdle(asker);
      await expect(answers(asker).last()).toContainText(/cost \$0\.00\d+/);
      expect(asked).toEqual(['eth_signTypedData_v4', 'eth_sendTransaction']);
      await send(asker, 'What is Tabloom?');
      await untilIdle(asker);
      await expect(answers(asker).nth(1)).toContainText(/cost \$0\.00\d+/);
      expect(asked).toHaveLength(2);
      await answers(asker).last().getByRole('button', { name: 'Receipt' }).click();
      await expect(answers(asker).last()).toContainText('of 6 checks passed');
    });

    await test.step('another tab of the same browser leaves the wallet alone', async () => {
      const other = await asker.context().newPage();
      await other.goto(`${relay.url}/wallet`);
      await expect(other.getByText('Another tab of this browser has the wallet')).toBeVisible();
      await other.close();
    });

    await test.step('the worker sees what it earned, collects it, and is paid', async () => {
      await visit(worker, 'Wallet');
      await expect(worker.getByRole('img', { name: /Earned in the last 30 days: \$0\.00\d+/ })).toBeVisible();
      await worker.getByRole('button', { name: 'Collect' }).click();
      await expect(worker.getByTestId('balance')).toHaveText(/\$0\.00\d+/);
      await expect(worker.getByRole('main')).toContainText('Paid out');
    });

    await test.step('the asker leaves the channel, and sees when the rest comes back', async () => {
      await visit(asker, 'Wallet');
      await expect(asker.getByTestId('balance')).toHaveText('$2.80');
      await asker.getByRole('button', { name: 'Leave' }).click();
      await expect(asker.getByText('The rest can be withdrawn from')).toBeVisible();
      await expect(asker.getByRole('main')).toContainText('Left a channel');
    });

    for (const [page, name] of [
      [asker, 'wallet-paying'],
      [worker, 'wallet-earning'],
    ] as const) {
      for (const width of [390, 1440]) {
        await page.setViewportSize({ width, height: width < 600 ? 844 : 900 });
        await keep(page, `${name}-${width}`);
        await expectClean(page, `${name}-${width}`);
      }
    }
  } finally {
    await relay.dispose();
    await local.stop();
  }
});
