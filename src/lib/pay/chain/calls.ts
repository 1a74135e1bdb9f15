import { encodeFunctionData } from 'viem';
import { channelsAbi } from '#contracts/channels.ts';
import { providersAbi } from '#contracts/providers.ts';
import { chains } from '#contracts/chains.ts';
import { payError } from '../errors.ts';
import type { ContractCall, DeployedChain } from '../spec.ts';

type Encode<Abi extends readonly unknown[]> = typeof encodeFunctionData<Abi, undefined>;

/** A call of the channels contract; names and arguments are checked against its ABI. */
export function channelsCall(
  chain: DeployedChain,
  call: Omit<Parameters<Encode<typeof channelsAbi>>[0], 'abi'>,
): ContractCall {
  const data = encodeFunctionData({ abi: channelsAbi, ...call } as Parameters<typeof encodeFunctionData>[0]);
  return { to: chain.contracts.channels, data };
}

/** A call of the registry of providers. */
export function providersCall(
  chain: DeployedChain,
  call: Omit<Parameters<Encode<typeof providersAbi>>[0], 'abi'>,
): ContractCall {
  const data = encodeFunctionData({ abi: providersAbi, ...call } as Parameters<typeof encodeFunctionData>[0]);
  return { to: chain.contracts.providers, data };
}

/** The entry of a chain that has the contracts. @throws `chain-unknown`. */
export function deployedChain(chainId: number): DeployedChain {
  const entry = chains.find(({ id }) => id === chainId);
  if (!entry?.contracts) throw payError('chain-unknown', { details: { chainId } });
  return { ...entry, contracts: entry.contracts };
}
