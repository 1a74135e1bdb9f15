import { describe, expect, test } from 'vitest';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { createSiweMessage } from 'viem/siwe';
import { errorCode } from '#lib/base/errors.ts';
import { createSignIn } from './sign-in.ts';

const domain = 'relay.example:8443';
const now = Date.parse('2026-11-29T12:00:00Z');
const nonce = '0123456789abcdef0123456789abcdef';
const account = privateKeyToAccount(generatePrivateKey());
const signIn = createSignIn({ rpcUrl: undefined, fetch });

const messageOf = (more: object = {}) =>
  createSiweMessage({
    address: account.address,
    chainId: 8453,
    domain,
    nonce,
    uri: `https://${domain}/wallet`,
    version: '1',
    issuedAt: new Date(now),
    ...more,
  });
const verify = async (message: string, more: object = {}) =>
  signIn.verify({ message, signature: await account.signMessage({ message }), domain, now, ...more });
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'none', errorCode);

describe('sign-in with a wallet', () => {
  test('names the wallet whose key signed', async () => {
    const message = messageOf({ statement: 'Manage your keys.' });
    expect(signIn.nonceOf(message)).toBe(nonce);
    expect(await verify(message)).toBe(account.address.toLowerCase());
  });

  test.each([
    ['another site', { domain: 'relay.example' }],
    ['another site, though its page is ours', { domain: 'evil.example' }],
    ['a page of another site', { uri: 'https://evil.example/wallet' }],
    ['a time that has passed', { expirationTime: new Date(now) }],
    ['a time to come', { notBefore: new Date(now + 1) }],
    ['the future', { issuedAt: new Date(now + 120_000) }],
    ['a wallet that did not sign it', { address: privateKeyToAccount(generatePrivateKey()).address }],
  ])('refuses a message for %s', async (_name, more) => {
    expect(await codeOf(verify(messageOf(more)))).toBe('bad-sign-in');
  });

  test.each(['', '0x', 'sig', `0x${'00'.repeat(65)}`, `0x${'ff'.repeat(5_000)}`])(
    'refuses the signature %j',
    async (signature) => expect(await codeOf(verify(messageOf(), { signature }))).toBe('bad-sign-in'),
  );

  test('refuses what is no such message', async () => {
    for (const message of ['', 'hello', messageOf().replace('Version: 1', 'Version: 2')]) {
      expect(await codeOf(verify(message))).toBe('bad-sign-in');
    }
    expect(await codeOf((async () => signIn.nonceOf('hello'))())).toBe('bad-sign-in');
  });

  test('refuses a signature of other words', async () => {
    const signature = await account.signMessage({ message: messageOf({ nonce: 'f'.repeat(32) }) });
    expect(await codeOf(verify(messageOf(), { signature }))).toBe('bad-sign-in');
  });
});
