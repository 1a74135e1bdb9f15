// Generated from the contracts by `npm run contracts:generate`. Do not edit.

export type TokenEntry = {
  readonly address: `0x${string}`;
  readonly symbol: string;
  /** EIP-712 domain name and version: they differ between chains. */
  readonly name: string;
  readonly version: string;
  readonly decimals: number;
};

export type ChainEntry = {
  readonly id: number;
  readonly name: string;
  readonly rpcUrl: string;
  readonly explorerUrl: string | null;
  readonly isLocal: boolean;
  /** Blocks after which a transaction counts as settled. */
  readonly confirmations: number;
  readonly token: TokenEntry;
  readonly roles: { readonly governor: `0x${string}`; readonly treasury: `0x${string}` } | null;
  /** `null` where the contracts have not been deployed. */
  readonly contracts: {
    readonly channels: `0x${string}`;
    readonly providers: `0x${string}`;
    readonly disputes: `0x${string}`;
  } | null;
};

/** The CREATE2 deployer all addresses follow from. */
export const create2Deployer = '0x4e59b44847b379578588920cA78FbF26c0B4956C';

export const chains: readonly ChainEntry[] = [
  {
    "id": 8453,
    "name": "Base",
    "rpcUrl": "https://mainnet.base.org",
    "explorerUrl": "https://basescan.org",
    "isLocal": false,
    "confirmations": 6,
    "token": {
      "address": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
      "symbol": "USDC",
      "name": "USD Coin",
      "version": "2",
      "decimals": 6
    },
    "roles": null,
    "contracts": null
  },
  {
    "id": 84532,
    "name": "Base Sepolia",
    "rpcUrl": "https://sepolia.base.org",
    "explorerUrl": "https://sepolia.basescan.org",
    "isLocal": false,
    "confirmations": 3,
    "token": {
      "address": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
      "symbol": "USDC",
      "name": "USDC",
      "version": "2",
      "decimals": 6
    },
    "roles": null,
    "contracts": null
  },
  {
    "id": 31337,
    "name": "Local chain",
    "rpcUrl": "http://127.0.0.1:8545",
    "explorerUrl": null,
    "isLocal": true,
    "confirmations": 1,
    "token": {
      "address": "0x2778AdA699E85BA7C248233467a035c903B000d3",
      "symbol": "tUSDC",
      "name": "Test USDC",
      "version": "2",
      "decimals": 6
    },
    "roles": {
      "governor": "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
      "treasury": "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
    },
    "contracts": {
      "channels": "0x9c71a1dA260Af5EfB96b3CEB57773cF50081E8e3",
      "providers": "0x2F637442a4528BF6688C16f251ce31398BE8209F",
      "disputes": "0x6B24C2a34A6a32DE45D7f9B97c64cDEa150FA7d3"
    }
  }
];
