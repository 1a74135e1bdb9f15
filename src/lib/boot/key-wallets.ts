import type { Random } from '#lib/base/random.ts';
import { deployedChains } from '#lib/pay/chain/calls.ts';
import type { Address } from '#lib/pay/spec.ts';
import type { PayStorage } from '#lib/pay/storage.ts';
import { openBurner } from '#lib/pay/wallet/burner.ts';
import { createInjectedWallets, type FoundWallet } from '#lib/pay/wallet/injected.ts';
import type { FoundWalletView } from '#lib/state/wallet.ts';

/** A wallet that can sign a text. */
export interface TextSigner {
  readonly address: Address;
  chainId(): Promise<number>;
  sign(message: string): Promise<string>;
}

/** The wallets of this browser, for signing in: no chain is asked, and none is switched. */
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
  /** That the relay of this page names. */
  readonly chain: () => number | undefined;
}

export function createKeyWallets({ storage, random, fetch, chain }: KeyWalletsInit): KeyWallets {
  const known = deployedChains();
  const entry = () => known.find(({ id }) => id === chain()) ?? known[0]!;
  let wallets: ReturnType<typeof createInjectedWallets> | undefined;
  const injected = () => (wallets ??= createInjectedWallets(entry(), { fetch }));
  return {
    async burner() {
      const { address, signMessage } = await openBurner({ storage, random });
      return { address, chainId: async () => entry().id, sign: (message) => signMessage(message) };
    },
    async connect(id) {
      const { address, chainId, signMessage } = await injected().connect(id, { chain: 'any' });
      return { address, chainId: () => chainId(), sign: (message) => signMessage(message) };
    },
    watch(listener) {
      const show = (found: readonly FoundWallet[]) => listener(found.map(({ id, name }) => ({ id, name })));
      show(injected().list());
      return injected().watch(show);
    },
  };
}
