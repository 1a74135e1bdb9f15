import { chromium, expect, type Page } from '@playwright/test';
import { getTypesForEIP712Domain, serializeTypedData, type TypedDataDefinition } from 'viem';
import type { Address, Hex } from '#lib/pay/spec.ts';
import { launchOptions } from '../e2e/fixtures/launch.ts';
import { answers, send, untilIdle, visit } from '../e2e/fixtures/people.ts';
import { installWallet } from '../e2e/fixtures/wallet.ts';
import type { Person } from '../integration/pay/chain.fixture.ts';

/** Somebody who asks in a page, and pays with a wallet of the browser (EIP-6963). */
export interface PageAsker {
  /** Asks in a conversation of its own, so that nobody holds it already. @returns units that the answer cost, by what stands below it. */
  ask(question: string): Promise<bigint>;
  /** What a stock client of x402 needs to pay as this page does: by its `fetch`, and its wallet's signature. */
  readonly fetch: typeof globalThis.fetch;
  readonly signer: { readonly address: Address; signTypedData(data: object): Promise<Hex> };
  /** What its channels have promised, by the Wallet page. */
  promised(): Promise<bigint>;
  /** Leaves every channel, as each provider agrees to. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** What an answer may cost, and what may lie with one peer and in all, in dollars. */
const limits = [
  ['Most for an answer', '2'],
  ['Most deposited with one peer', '6'],
  ['Most deposited in all', '18'],
] as const;
const units = (text: string): bigint => {
  const [whole, fraction] = /\$([\d,]+)\.(\d+)/.exec(text)!.slice(1) as [string, string];
  return BigInt(whole.replaceAll(',', '') + fraction.padEnd(6, '0'));
};

/** Opens a page of the relay in Chromium, connects the wallet and agrees to pay. */
export async function openPageAsker(relayUrl: string, { key, address }: Person): Promise<PageAsker> {
  const browser = await chromium.launch(launchOptions);
  try {
    const page = await browser.newPage();
    await installWallet(page, `${relayUrl}/pay/rpc`, key);
    await page.goto(`${relayUrl}/wallet`);
    await page.getByRole('button', { name: 'Connect' }).click();
    for (const [label, dollars] of limits) {
      const field = page.getByLabel(label);
      await field.fill(dollars);
      await field.press('Tab');
    }
    await visit(page, 'Chat');
    return askerIn(page, { address, close: () => browser.close() });
  } catch (error) {
    await browser.close();
    throw error;
  }
}

/** As a wallet takes it: with the fields of its domain among the types. */
const typedText = (data: TypedDataDefinition): string =>
  serializeTypedData({
    ...data,
    types: { EIP712Domain: getTypesForEIP712Domain({ domain: data.domain }), ...data.types },
  } as never);

function askerIn(page: Page, { address, close }: { readonly address: Address; close(): Promise<void> }): PageAsker {
  const agree = page.getByRole('button', { name: /^Pay up to/ });
  const rows = page.getByRole('main').getByRole('listitem').filter({ hasText: 'promised' });
  let asked = 0;
  return {
    async ask(question) {
      await visit(page, 'Chat');
      if (asked++ === 0) await agree.click({ timeout: 30_000 });
      else await page.getByRole('button', { name: 'New conversation' }).first().click();
      await send(page, question);
      await untilIdle(page);
      const answer = answers(page).first();
      await expect(answer).toContainText(/cost \$[\d.]+/, { timeout: 15_000 });
      return units(/cost (\$[\d.,]+)/.exec(await answer.innerText())![1]!);
    },
    async fetch(input, init) {
      const request = new Request(input, init);
      const asked = {
        url: request.url,
        method: request.method,
        headers: [...request.headers],
        body: await request.text(),
      };
      const { status, headers, body } = await page.evaluate(async ({ url, ...given }) => {
        const response = await fetch(url, given as RequestInit);
        return { status: response.status, headers: [...response.headers], body: await response.text() };
      }, asked);
      return new Response(body, { status, headers });
    },
    signer: {
      address,
      signTypedData: (data) =>
        page.evaluate(
          ({ owner, typed }) =>
            new Promise<Hex>((resolve, reject) => {
              interface Announced extends Event {
                readonly detail: { readonly provider: { request(asked: object): Promise<Hex> } };
              }
              const onWallet = ({ detail: { provider } }: Announced) =>
                provider.request({ method: 'eth_signTypedData_v4', params: [owner, typed] }).then(resolve, reject);
              addEventListener('eip6963:announceProvider', onWallet as unknown as EventListener, { once: true });
              dispatchEvent(new Event('eip6963:requestProvider'));
            }),
          { owner: address, typed: typedText(data as TypedDataDefinition) },
        ),
    },
    async promised() {
      await visit(page, 'Wallet');
      await expect(rows.first()).toBeVisible();
      const texts = await rows.allInnerTexts();
      return texts.reduce((sum, text) => sum + units(text), 0n);
    },
    async leave() {
      await visit(page, 'Wallet');
      await expect(rows.first()).toBeVisible();
      for (let left = await rows.count(); left > 0; left--) {
        await rows.first().getByRole('button', { name: 'Leave' }).click();
        await expect(rows).toHaveCount(left - 1, { timeout: 30_000 });
      }
    },
    close,
  };
}
