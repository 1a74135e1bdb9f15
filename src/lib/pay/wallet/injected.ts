import { connect, createConfig, disconnect, type Config, type Connector } from '@wagmi/core';
import { defineChain, getAddress, http, type EIP1193Provider } from 'viem';
import { raceSignal, throwIfAborted, type AbortOptions } from '#lib/base/abort.ts';
import { toPayError } from '../chain/rpc-errors.ts';
import { payError } from '../errors.ts';
import type { Address, DeployedChain, InjectedWallet } from '../spec.ts';
import { eip1193Wallet } from './eip1193.ts';

/** A wallet that announced itself to this page (EIP-6963). */
export interface FoundWallet {
  readonly id: string;
  readonly name: string;
  /** A data URL, if the wallet provides one. */
  readonly icon: string | undefined;
}

export interface ConnectOptions {
  readonly known?: Address;
  /** `this` by default; or another one, to which the wallet is switched for what is signed next. */
  readonly chain?: 'this' | 'any' | NamedChain;
}

/** What a wallet has to be told of a chain that it may not know. */
export type NamedChain = Pick<DeployedChain, 'id' | 'name' | 'rpcUrl'>;

/** The wallets in this browser. None receives a request before `connect`. */
export interface InjectedWallets {
  list(): readonly FoundWallet[];
  /** Calls back with each new list; returns the function that stops watching. */
  watch(listener: (found: readonly FoundWallet[]) => void): () => void;
  /**
   * Asks the user to connect an account and switch to the chain, unless `any` will do. A `known` account is used without asking where
   * the wallet still allows it here.
   * @throws `no-wallet`, `rejected`, `wrong-chain`, `wallet-failed`.
   */
  connect(id: string, options?: AbortOptions & ConnectOptions): Promise<InjectedWallet>;
  disconnect(): Promise<void>;
}

export function createInjectedWallets(entry: DeployedChain, { fetch }: { readonly fetch: typeof globalThis.fetch }) {
  const chain = defineChain({
    id: entry.id,
    name: entry.name,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [entry.rpcUrl] } },
  });
  const config = createConfig({
    chains: [chain],
    transports: { [entry.id]: http(entry.rpcUrl, { fetchFn: fetch }) },
    multiInjectedProviderDiscovery: true,
    // Remembering the last wallet is up to the page, with the user's consent.
    storage: null,
  });
  return fromConfig(config, entry);
}

function fromConfig(config: Config, entry: DeployedChain): InjectedWallets {
  const describe = ({ id, name, icon }: Connector): FoundWallet => ({ id, name, icon });
  const list = () => config.connectors.map(describe);
  return {
    list,
    watch: (listener) =>
      config.subscribe(
        () => config.connectors,
        () => listener(list()),
      ),
    async connect(id, { known, chain = 'this', ...options } = {}) {
      throwIfAborted(options.signal);
      const connector = config.connectors.find((each) => each.id === id);
      if (!connector) throw payError('no-wallet', { details: { id } });
      try {
        const provider = (await connector.getProvider()) as EIP1193Provider;
        const isAllowed = known !== undefined && (await raceSignal(allows(provider, known), options.signal));
        const { accounts } = isAllowed
          ? { accounts: [known] as const }
          : await raceSignal(connect(config, { connector }), options.signal);
        const wallet = eip1193Wallet(provider, getAddress(accounts[0]));
        const wanted = chain === 'this' ? entry : chain;
        if (wanted !== 'any' && (await wallet.chainId(options)) !== wanted.id)
          await switchChain(provider, wanted, options);
        return wallet;
      } catch (error) {
        throw asWalletError(error);
      }
    },
    async disconnect() {
      await disconnect(config);
    },
  };
}

/** Whether the wallet gives this page the account already; asks nobody. */
async function allows(provider: EIP1193Provider, account: Address): Promise<boolean> {
  const allowed: unknown = await provider.request({ method: 'eth_accounts' });
  return (
    Array.isArray(allowed) &&
    allowed.some((each) => typeof each === 'string' && each.toLowerCase() === account.toLowerCase())
  );
}

/** Switches the wallet to the chain, adding it first if the wallet does not know it (4902). */
async function switchChain(provider: EIP1193Provider, entry: NamedChain, options: AbortOptions): Promise<void> {
  const chainId = `0x${entry.id.toString(16)}` as const;
  const ask = () =>
    raceSignal(provider.request({ method: 'wallet_switchEthereumChain', params: [{ chainId }] }), options.signal);
  try {
    await ask();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 4902) throw error;
    const nativeCurrency = { name: 'Ether', symbol: 'ETH', decimals: 18 };
    await raceSignal(
      provider.request({
        method: 'wallet_addEthereumChain',
        params: [{ chainId, chainName: entry.name, nativeCurrency, rpcUrls: [entry.rpcUrl] }],
      }),
      options.signal,
    );
    await ask();
  }
}

function asWalletError(error: unknown) {
  const coded = toPayError(error);
  return coded.code === 'chain-unavailable'
    ? payError('wallet-failed', { cause: error, details: coded.details })
    : coded;
}
