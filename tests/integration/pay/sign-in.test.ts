import { createTestClient, http } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSiweMessage } from 'viem/siwe';
import { errorCode } from '#lib/base/errors.ts';
import { createSignIn } from '#lib/pay/sign-in.ts';
import { startAnvil, type Anvil } from '../../../relay/chain/anvil.ts';

const domain = 'relay.example';
const now = Date.parse('2026-11-29T12:00:00Z');
/** Runtime code that answers every call with four bytes, as ERC-1271 does: its word for yes, and no. */
const answering = (word: string) => `0x63${word}60e01b60005260206000f3` as const;
const yes = '0x00000000000000000000000000000000000000a1';
const no = '0x00000000000000000000000000000000000000a2';
const none = '0x00000000000000000000000000000000000000a3';

let anvil: Anvil;
beforeAll(async () => {
  anvil = await startAnvil({ chainId: 31337 });
  const client = createTestClient({ mode: 'anvil', transport: http(anvil.url) });
  await client.setCode({ address: yes, bytecode: answering('1626ba7e') });
  await client.setCode({ address: no, bytecode: answering('ffffffff') });
});
afterAll(() => anvil?.stop());

const verify = (rpcUrl: string | undefined, address: `0x${string}`, chainId = 31337) => {
  const message = createSiweMessage({
    address,
    chainId,
    domain,
    nonce: 'a'.repeat(32),
    uri: `https://${domain}`,
    version: '1',
    issuedAt: new Date(now),
  });
  return createSignIn({ rpcUrl, fetch })
    .verify({ message, signature: `0x${'12'.repeat(70)}`, domain, now })
    .catch(errorCode);
};

test('a contract wallet signs in by its own word, on its own chain', async () => {
  expect(await verify(anvil.url, yes)).toBe(yes);
  expect(await verify(anvil.url, no)).toBe('bad-sign-in');
  expect(await verify(anvil.url, none)).toBe('bad-sign-in');
  expect(await verify(anvil.url, yes, 1)).toBe('bad-sign-in');
});

test('without a chain, or while it is away, it cannot', async () => {
  expect(await verify(undefined, yes)).toBe('bad-sign-in');
  expect(await verify('http://127.0.0.1:1', yes)).toBe('bad-sign-in');
});
