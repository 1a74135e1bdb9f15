import type { Address } from 'viem';

/** The payment token. `name` and `version` are from its EIP-712 domain and differ between chains. */
export type TokenEntry = {
  readonly address: Address;
  readonly symbol: string;
  readonly name: string;
  readonly version: string;
  readonly decimals: number;
};

/** One chain as data. To add a chain, add an entry, deploy to it and record its roles. */
export type ChainEntry = {
  readonly id: number;
  readonly name: string;
  readonly rpcUrl: string;
  readonly explorerUrl: string | null;
  readonly isLocal: boolean;
  /** Blocks after which a transaction counts as settled. */
  readonly confirmations: number;
  /** `null` means the test token deployed with the contracts. */
  readonly token: TokenEntry | null;
  /** Governor of the contracts and recipient of the network's share; `null` until deployed. */
  readonly roles: { readonly governor: Address; readonly treasury: Address } | null;
};

/** The network's share of each claim, in hundredths of a percent. */
export const shareBps = 1_000;

/** The minimum bond for a provider to be listed: 50 USDC. */
export const stakeMinimumUnits = 50_000_000n;

/** The test token's EIP-712 domain, symbol and decimals, as in its source. */
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
    // The last two of the ten predefined accounts of every local chain.
    roles: {
      governor: '0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f',
      treasury: '0xa0Ee7A142d267C1f36714E4a8F75612F20a79720',
    },
  },
];
