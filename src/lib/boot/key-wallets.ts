import type { Random } from '#lib/base/random.ts';
import { creditChain } from '#lib/pay/buy-credits.ts';
import { deployedChains } from '#lib/pay/chain/calls.ts';
import { payError } from '#lib/pay/errors.ts';
import type { Address, Hex, TypedData } from '#lib/pay/spec.ts';
import type { PayStorage } from '#lib/pay/storage.ts';
import { openBurner } from '#lib/pay/wallet/burner.ts';
import { createInjectedWallets, type FoundWallet } from '#lib/pay/wallet/injected.ts';
import type { FoundWalletView } from '#lib/state/wallet.ts';

/** A wallet that has signed in. */
export interface TextSigner {
  readonly address: Address;
  chainId(): Promise<number>;
  sign(message: string): Promise<string>;
  /** Signs for one chain, to which a wallet of the browser is switched first. @throws `wrong-chain`, `rejected`, `wallet-unauthorized`. */
  signData(data: TypedData): Promise<Hex>;
}

/** The wallets of this browser, for signing in: no chain is asked, and none is switched before something is paid there. */
export interface KeyWallets {
  /** The key in this browser's storage; made where there is none. */
  burner(): Promise<TextSigner>;
  /** @throws `no-wallet`, `rejected`, `wallet-failed`. */
  connect(id: string): Promise<TextSigner>;
  watch(listener: (found: readonly FoundWalletView[]) => void): () => void;
}

export interface KeyWalletsInit {
  readonly storage: PayStorage;
  readonly random: Random;
  readonly fetch: typeof globalThis.fetch;
  /** What the relay of this page names: a chain, and the address that speaks to it. */
  readonly payments: () => { readonly chain: number; readonly rpc: string } | undefined;
}

export function createKeyWallets({ storage, random, fetch, payments }: KeyWalletsInit): KeyWallets {
  const known = deployedChains();
  const entry = () => known.find(({ id }) => id === payments()?.chain) ?? known[0]!;
  /** A wallet may have to be told of it. */
  const chainOf = (id: number) => {
    const chain = creditChain(id);
    if (!chain) throw payError('chain-unknown', { details: { chainId: id } });
    const named = payments();
    return named?.chain === id ? { ...chain, rpcUrl: named.rpc } : chain;
  };
  let wallets: ReturnType<typeof createInjectedWallets> | undefined;
  const injected = () => (wallets ??= createInjectedWallets(entry(), { fetch }));
  return {
    async burner() {
      const { address, signMessage, signTypedData } = await openBurner({ storage, random });
      return {
        address,
        chainId: async () => entry().id,
        sign: (message) => signMessage(message),
        signData: (data) => signTypedData(data),
      };
    },
    async connect(id) {
      const { address, chainId, signMessage } = await injected().connect(id, { chain: 'any' });
      const signData = async (data: TypedData) => {
        const wallet = await injected().connect(id, { known: address, chain: chainOf(data.domain.chainId) });
        if (wallet.address !== address) throw payError('wallet-unauthorized', { details: { expected: address } });
        return wallet.signTypedData(data);
      };
      return { address, chainId: () => chainId(), sign: (message) => signMessage(message), signData };
    },
    watch(listener) {
      const show = (found: readonly FoundWallet[]) => listener(found.map(({ id, name }) => ({ id, name })));
      show(injected().list());
      return injected().watch(show);
    },
  };
}
