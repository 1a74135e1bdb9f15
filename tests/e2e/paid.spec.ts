import type { Page } from '@playwright/test';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { systemRandom } from '#lib/base/random.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { look } from './fixtures/looks.ts';
import { answers, send, startSharing, untilIdle, visit, whoAnswers } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';
import { installWallet } from './fixtures/wallet.ts';

const balance = (page: Page) => page.getByTestId('balance');
const askFaucet = async (page: Page) => {
  await page.getByRole('button', { name: 'Get test money' }).click();
  await expect(balance(page)).toHaveText('$1,000.00');
};

test('a tab sets a price and another pays it: deposit, cost, earnings, and the way out', async ({
  newProfile,
  keep,
}) => {
  const [seller, spender, payee] = [0, 1, 2].map(() => drawKey(systemRandom)) as [Hex, Hex, Hex];
  const relay = await startRelay({
    native: 'no-native',
    env: {
      CHAIN: 'local',
      CHAIN_PORT: '0',
      // Its gateway charges, and pays tabs out of that.
      PRICE_IN: '200',
      PRICE_OUT: '3000',
      CREDITS_KEY: seller,
      CREDITS_PAYEE: privateKeyToAccount(payee).address,
      SPEND_KEY: spender,
      SPEND_OUT: '20',
    },
  });
  try {
    for (const key of [seller, spender]) await giveTestMoney(relay.url, privateKeyToAccount(key).address);
    const worker = await newProfile();
    await test.step('the worker makes a wallet and sets a price', async () => {
      await worker.goto(`${relay.url}/wallet`);
      await worker.getByRole('button', { name: 'Use this one' }).click();
      await askFaucet(worker);
      await visit(worker, 'Share');
      await expect(worker.getByText('Nobody asks money yet')).toBeVisible();
      await worker.getByLabel('A million tokens read').fill('1');
      await worker.getByLabel('A million tokens written').fill('20');
      await worker.getByRole('button', { name: 'Save price' }).click();
      await expect(worker.getByText('$1.00 / $20.00 for a million tokens')).toBeVisible();
      await look(worker, 'share-price', keep);
      await startSharing(worker, relay.url);
    });

    const asker = await newProfile();
    const key = drawKey(systemRandom);
    const { asked } = await installWallet(asker, `${relay.url}/pay/rpc`, key);
    await test.step('the asker looks among the models, and chooses one that is shared', async () => {
      await asker.goto(`${relay.url}/models`);
      await asker.getByRole('searchbox', { name: 'Search models' }).fill('demo');
      await expect(asker.getByRole('heading', { name: 'Tabloom demo' })).toBeVisible();
      await expect(asker.getByRole('main')).toContainText('1 peer sharing');
      await visit(asker, 'Chat');
      await asker.getByLabel('Model', { exact: true }).selectOption('tabloom-demo');
    });
    await test.step('the asker is told who asks money, and nothing is paid before it agrees', async () => {
      await expect(whoAnswers(asker)).toContainText('Only peers that ask for money');
      await expect(asker.getByRole('region', { name: 'Paying for answers' })).toContainText('$1.00 / $20.00');
      await asker.getByRole('button', { name: 'What is Tabloom?' }).click();
      await expect(asker.getByRole('textbox', { name: 'Message' })).toHaveValue('What is Tabloom?');
      await expect(answers(asker)).toHaveCount(0);
      await look(asker, 'chat-asks-money', keep);
      await visit(asker, 'Network');
      await expect(asker.getByRole('table')).toContainText('$1.00 / $20.00');
      await visit(asker, 'Wallet');
      await asker.getByRole('button', { name: 'Connect' }).click();
      await askFaucet(asker);
      await visit(asker, 'Chat');
      expect(asked).toEqual([]);
      await asker.getByRole('button', { name: 'Pay up to $0.01 for an answer' }).click();
      await expect(whoAnswers(asker)).toContainText('browser tab');
    });

    await test.step('an answer is paid, and its cost stands below it; the next asks the wallet for nothing', async () => {
      for (const [index, question] of ['hello', 'What is Tabloom?'].entries()) {
        await send(asker, question);
        await untilIdle(asker);
        await expect(answers(asker).nth(index)).toContainText(/cost \$0\.00\d+/);
        expect(asked).toEqual(['eth_signTypedData_v4', 'eth_sendTransaction']);
      }
    });

    await test.step('the worker sees what it earned, collects it, and is paid', async () => {
      await visit(worker, 'Share');
      await expect(worker.getByTestId('earned')).toContainText(/^\s*\$0\.00\d+ earned today/);
      const collect = worker.getByRole('button', { name: 'Collect' });
      // What was promised first may have been claimed by the tab itself.
      if (await collect.isVisible()) await collect.click();
      await visit(worker, 'Wallet');
      await expect(worker.getByRole('img', { name: /Earned in the last 30 days: \$0\.00\d+/ })).toBeVisible();
      await expect(balance(worker)).toHaveText(/\$1,000\.00\d+/);
      await expect(worker.getByRole('main')).toContainText('Paid out');
      await look(worker, 'wallet-earning', keep);
    });

    const other = await asker.context().newPage();
    await test.step('another tab of the same browser leaves the wallet alone until it takes it over', async () => {
      await other.goto(`${relay.url}/wallet`);
      await expect(other.getByText('Another tab of this browser has the wallet')).toBeVisible();
      await other.getByRole('button', { name: 'Use here' }).click();
      await expect(balance(other)).toHaveText('$999.80');
      await visit(asker, 'Wallet');
      await expect(asker.getByText('Another tab of this browser has the wallet')).toBeVisible();
    });

    await test.step('the asker leaves the channel, and the rest is back at once', async () => {
      await other.getByRole('button', { name: 'Leave' }).click();
      // The worker is there, and agrees.
      await expect(other.getByText('1 closed channel')).toBeVisible();
      await expect(balance(other)).toHaveText(/\$999\.99\d+/);
      await expect(other.getByRole('main')).toContainText('Withdrawn');
      await look(other, 'wallet-paying', keep);
    });

    await test.step('its wallet buys credits and makes a key, with which curl pays for an answer', async () => {
      await other.goto(`${relay.url}/keys`);
      await other.getByRole('button', { name: 'Connect' }).click();
      await expect(other.getByTestId('credits')).toHaveText('0');
      await other.getByRole('button', { name: 'Pay $5.00' }).click();
      await expect(other.getByText('Credits bought: 500')).toBeVisible();
      await expect(other.getByTestId('credits')).toHaveText('500');
      await other.getByRole('button', { name: 'Create key' }).click();
      const made = (await other.getByTestId('new-key').textContent())!;
      await look(other, 'keys-credits', keep);

      const answer = await curl(relay.url, made);
      expect(answer).toMatchObject({ choices: [{ message: { content: expect.stringMatching(/./) } }] });
      expect(answer.tabloom.receipt.checks).toMatchObject({ signature: true, payment: true });
      await other.reload();
      await other.getByRole('button', { name: 'Connect' }).click();
      await expect(other.getByTestId('credits')).toHaveText(/^499\.\d+$/);
    });
  } finally {
    await relay.dispose();
  }
});

async function giveTestMoney(relayUrl: string, address: string): Promise<void> {
  const response = await fetch(`${relayUrl}/pay/faucet`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ address }),
  });
  expect(response.status, await response.text()).toBe(200);
}

/** As a program asks that has nothing but a key. */
async function curl(relayUrl: string, key: string) {
  const response = await fetch(`${relayUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model: 'tabloom-demo',
      messages: [{ role: 'user', content: 'hello' }],
      max_tokens: 64,
    }),
  });
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body;
}
