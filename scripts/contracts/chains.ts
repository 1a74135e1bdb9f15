import type { Address } from 'viem';

/** A token payments are made in. `name` and `version` are those of its EIP-712 domain, which differ between chains. */
export type TokenEntry = {
  readonly address: Address;
  readonly symbol: string;
  readonly name: string;
  readonly version: string;
  readonly decimals: number;
};

/** One chain as data: adding a chain is adding an entry, deploying to it, and writing down who governs there. */
export type ChainEntry = {
  readonly id: number;
  readonly name: string;
  readonly rpcUrl: string;
  readonly explorerUrl: string | null;
  readonly isLocal: boolean;
  /** Blocks after which this project takes a transaction for settled. */
  readonly confirmations: number;
  /** `null`: the play token deployed beside the contracts. */
  readonly token: TokenEntry | null;
  /** Who governs the contracts there and where the network's part goes; `null` until somebody has deployed. */
  readonly roles: { readonly governor: Address; readonly treasury: Address } | null;
};

/** The network's part of each claim, in hundredths of a percent. */
export const shareBps = 1_000;

/** The bond from which a provider is listed: 50 USDC. */
export const stakeMinimumUnits = 50_000_000n;

/** The play token's EIP-712 domain and looks, as its source has them. */
export const testToken = { symbol: 'tUSDC', name: 'Test USDC', version: '2', decimals: 6 } as const;

export const chains: readonly ChainEntry[] = [
  {
    id: 8453,
    name: 'Base',
    rpcUrl: 'https://mainnet.base.org',
    explorerUrl: 'https://basescan.org',
    isLocal: false,
    confirmations: 6,
    token: {
      address: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
      symbol: 'USDC',
      name: 'USD Coin',
      version: '2',
      decimals: 6,
    },
    roles: null,
  },
  {
    id: 84532,
    name: 'Base Sepolia',
    rpcUrl: 'https://sepolia.base.org',
    explorerUrl: 'https://sepolia.basescan.org',
    isLocal: false,
    confirmations: 3,
    token: {
      address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
      symbol: 'USDC',
      name: 'USDC',
      version: '2',
      decimals: 6,
    },
    roles: null,
  },
  {
    id: 31337,
    name: 'Local chain',
    rpcUrl: 'http://127.0.0.1:8545',
    explorerUrl: null,
    isLocal: true,
    confirmations: 1,
    token: null,
    // The last two of the ten accounts every local chain is born with.
    roles: {
      governor: '0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f',
      treasury: '0xa0Ee7A142d267C1f36714E4a8F75612F20a79720',
    },
  },
];
