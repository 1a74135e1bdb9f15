import { afterEach, describe, expect, test, vi } from 'vitest';
import type { EIP1193Provider } from 'viem';
import { addressOfKey, entry, testTerms, walletOf } from '../pay.fixture.ts';
import { channelIdOf } from '../terms.ts';
import { withdrawalData } from '../typed-data.ts';
import { createInjectedWallets } from './injected.ts';

interface Asked {
  readonly method: string;
  readonly params?: readonly unknown[];
}

/** A fake browser wallet that announces itself on request and responds from a table. */
function announce(answers: Readonly<Record<string, (request: Asked) => unknown>>) {
  const asked: Asked[] = [];
  const provider = {
    on: () => undefined,
    removeListener: () => undefined,
    async request(request: Asked) {
      asked.push(request);
      const answer = answers[request.method];
      if (!answer) throw Object.assign(new Error(`no ${request.method}`), { code: -32601 });
      return answer(request);
    },
  } as unknown as EIP1193Provider;
  const page = new EventTarget();
  vi.stubGlobal('window', page);
  const info = {
    uuid: '9b1d0ed0-0000-4000-8000-000000000001',
    name: 'Test wallet',
    icon: 'data:,',
    rdns: 'test.wallet',
  };
  page.addEventListener('eip6963:requestProvider', () => {
    page.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info, provider }) }));
  });
  return { asked, wallets: createInjectedWallets(entry, { fetch }) };
}

const account = addressOfKey(1);
const ready: Readonly<Record<string, () => unknown>> = {
  wallet_requestPermissions: () => [{ caveats: [{ value: [account] }] }],
  eth_requestAccounts: () => [account],
  eth_accounts: () => [account],
  eth_chainId: () => `0x${entry.id.toString(16)}`,
};
const refuse = (): never => {
  throw Object.assign(new Error('User rejected the request.'), { code: 4001 });
};

afterEach(() => vi.unstubAllGlobals());

describe('a wallet in the browser', () => {
  test('is found by its announcement and receives no request before it is chosen', () => {
    const { wallets, asked } = announce(ready);
    expect(wallets.list()).toEqual([{ id: 'test.wallet', name: 'Test wallet', icon: 'data:,' }]);
    expect(asked).toEqual([]);
  });

  test('is not asked again for an account that it allows already, and is for another', async () => {
    const { wallets, asked } = announce(ready);
    expect(await wallets.connect('test.wallet', { known: account })).toMatchObject({ address: account });
    expect(asked.map(({ method }) => method)).toEqual(['eth_accounts', 'eth_chainId']);
    await wallets.connect('test.wallet', { known: addressOfKey(2) });
    expect(asked.map(({ method }) => method)).toContain('wallet_requestPermissions');
  });

  test('signs typed data', async () => {
    const data = withdrawalData(entry, channelIdOf(testTerms()));
    const { wallets, asked } = announce({ ...ready, eth_signTypedData_v4: () => walletOf(1).signTypedData(data) });
    const wallet = await wallets.connect('test.wallet');
    expect(wallet).toMatchObject({ type: 'injected', address: account });
    expect(await wallet.signTypedData(data)).toBe(await walletOf(1).signTypedData(data));
    const [from, text] = asked.at(-1)!.params as [string, string];
    expect(from).toBe(account);
    expect(JSON.parse(text)).toMatchObject({
      primaryType: 'Withdrawal',
      domain: { chainId: entry.id, verifyingContract: entry.contracts.channels.toLowerCase() },
      types: {
        EIP712Domain: [{ name: 'name' }, { name: 'version' }, { name: 'chainId' }, { name: 'verifyingContract' }],
      },
    });
  });

  test('signs a text, on whatever chain it is', async () => {
    const { wallets, asked } = announce({ ...ready, eth_chainId: () => '0x1', personal_sign: () => '0x11' });
    const wallet = await wallets.connect('test.wallet', { chain: 'any' });
    expect(await wallet.signMessage('Sign in.')).toBe('0x11');
    expect(asked.at(-1)).toEqual({ method: 'personal_sign', params: ['0x5369676e20696e2e', account] });
    expect(asked.map(({ method }) => method)).not.toContain('wallet_switchEthereumChain');
  });

  test('sends from its own account and chooses nonce and fees itself', async () => {
    const { wallets, asked } = announce({ ...ready, eth_sendTransaction: () => `0x${'33'.repeat(32)}` });
    const wallet = await wallets.connect('test.wallet');
    await wallet.sendTransaction({ chainId: entry.id, to: addressOfKey(2), data: '0x12', gas: 21_000n });
    expect(asked.at(-1)).toEqual({
      method: 'eth_sendTransaction',
      params: [{ from: account, to: addressOfKey(2), data: '0x12', gas: '0x5208', chainId: '0x7a69' }],
    });
  });

  test('is switched to the chain, which is added if unknown', async () => {
    let chainId = '0x1';
    let isKnown = false;
    const { wallets, asked } = announce({
      ...ready,
      eth_chainId: (): string => chainId,
      wallet_switchEthereumChain: () => {
        if (!isKnown) throw Object.assign(new Error('Unrecognized chain'), { code: 4902 });
        chainId = '0x7a69';
        return null;
      },
      wallet_addEthereumChain: () => {
        isKnown = true;
        return null;
      },
    });
    await wallets.connect('test.wallet');
    expect(asked.map(({ method }) => method)).toContain('wallet_addEthereumChain');
    expect(chainId).toBe('0x7a69');
  });

  test.each([
    [
      'the user declines to connect',
      { ...ready, wallet_requestPermissions: refuse, eth_requestAccounts: refuse },
      'rejected',
    ],
    [
      'the user declines to switch the chain',
      { ...ready, eth_chainId: () => '0x1', wallet_switchEthereumChain: refuse },
      'rejected',
    ],
  ] as const)('%s', async (_, answers, code) => {
    await expect(announce(answers).wallets.connect('test.wallet')).rejects.toMatchObject({ code });
  });

  test.each<readonly [string, () => unknown, string]>([
    ['declines', refuse, 'rejected'],
    ['returns nonsense', () => 42, 'wallet-failed'],
    [
      'breaks',
      () => {
        throw new Error('locked');
      },
      'wallet-failed',
    ],
  ])('that %s when asked to sign', async (_, answer, code) => {
    const { wallets } = announce({ ...ready, eth_signTypedData_v4: answer });
    const wallet = await wallets.connect('test.wallet');
    await expect(wallet.signTypedData(withdrawalData(entry, channelIdOf(testTerms())))).rejects.toMatchObject({ code });
  });

  test('that is missing cannot be connected', async () => {
    await expect(announce(ready).wallets.connect('another')).rejects.toMatchObject({ code: 'no-wallet' });
  });

  test('that never responds is awaited until the caller aborts', async () => {
    const { wallets } = announce({ ...ready, eth_signTypedData_v4: () => new Promise(() => undefined) });
    const wallet = await wallets.connect('test.wallet');
    const giving = new AbortController();
    const signing = wallet.signTypedData(withdrawalData(entry, channelIdOf(testTerms())), { signal: giving.signal });
    giving.abort();
    await expect(signing).rejects.toMatchObject({ code: 'aborted' });
  });
});
