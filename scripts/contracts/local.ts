import { createPublicClient, createTestClient, createWalletClient, http, type Address } from 'viem';
import { mnemonicToAccount, type HDAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { bytecode } from '../../contracts/generated/bytecode.ts';
import { chains } from './chains.ts';
import { contractAddress, deploy, plan } from './deployment.ts';

const mnemonic = 'test test test test test test test test test test test junk';

/** Predefined account `index` (0 to 9) of every local chain. Its key is public, so use it on local chains only. */
export const localAccount = (index: number): HDAccount => mnemonicToAccount(mnemonic, { addressIndex: index });

export const localChain = chains.find(({ isLocal }) => isLocal)!;

export type LocalContracts = Readonly<Record<'token' | 'channels' | 'providers' | 'disputes', Address>>;

/** Clients for a local chain: for reading, sending as an account, and time travel. */
export function localClients(url: string, account: HDAccount = localAccount(0)) {
  const transport = http(url, { timeout: 10_000 });
  const shared = { chain: foundry, transport, pollingInterval: 20 } as const;
  return {
    reader: createPublicClient(shared),
    sender: createWalletClient({ ...shared, account }),
    clock: createTestClient({ ...shared, mode: 'anvil' }),
  };
}

export type LocalClients = ReturnType<typeof localClients>;

/** Deploys everything on a local chain. Idempotent. */
export async function deployLocal({ reader, sender }: LocalClients): Promise<LocalContracts> {
  const planned = plan(localChain, bytecode);
  await deploy(planned, reader, sender);
  return {
    token: planned.token,
    channels: contractAddress(planned, 'Channels'),
    providers: contractAddress(planned, 'Providers'),
    disputes: contractAddress(planned, 'Disputes'),
  };
}
