import { encodeFunctionData, type BaseError } from 'viem';
import { channelsAbi } from '#contracts/channels.ts';
import { disputesAbi } from '#contracts/disputes.ts';
import { providersAbi } from '#contracts/providers.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { chains } from '#contracts/chains.ts';
import { payError } from '../errors.ts';
import type { ContractCall, DeployedChain, Hex } from '../spec.ts';

type Encode<Abi extends readonly unknown[]> = typeof encodeFunctionData<Abi, undefined>;

type CallOf<Abi extends readonly unknown[]> = Omit<Parameters<Encode<Abi>>[0], 'abi'>;

/**
 * Encodes a call of the channels contract; names and arguments are type-checked against its ABI. @throws `bad-call`.
 */
export const channelsCall = (chain: DeployedChain, call: CallOf<typeof channelsAbi>): ContractCall => ({
  to: chain.contracts.channels,
  data: encode({ abi: channelsAbi, ...call }),
});

/** Encodes a call of the provider registry. @throws `bad-call`. */
export const providersCall = (chain: DeployedChain, call: CallOf<typeof providersAbi>): ContractCall => ({
  to: chain.contracts.providers,
  data: encode({ abi: providersAbi, ...call }),
});

/** Encodes a call of the dispute contract. @throws `bad-call`. */
export const disputesCall = (chain: DeployedChain, call: CallOf<typeof disputesAbi>): ContractCall => ({
  to: chain.contracts.disputes,
  data: encode({ abi: disputesAbi, ...call }),
});

/** Encodes a call of the chain's token, limited to standard functions. @throws `bad-call`. */
export const tokenCall = (chain: DeployedChain, call: CallOf<typeof testUsdcAbi>): ContractCall => ({
  to: chain.token.address,
  data: encode({ abi: testUsdcAbi, ...call }),
});

/** TypeScript checks the shapes; this catches values that fit a TypeScript type but no Solidity type. */
function encode(call: object): Hex {
  try {
    return encodeFunctionData(call as Parameters<typeof encodeFunctionData>[0]);
  } catch (error) {
    throw payError('bad-call', { cause: error, details: { reason: (error as BaseError).shortMessage } });
  }
}

/** The chains the contracts are deployed on. */
export const deployedChains = (): readonly DeployedChain[] =>
  chains.flatMap((entry) => (entry.contracts ? [{ ...entry, contracts: entry.contracts }] : []));

/** The entry of a chain the contracts are deployed on. @throws `chain-unknown`. */
export function deployedChain(chainId: number): DeployedChain {
  const entry = chains.find(({ id }) => id === chainId);
  if (!entry?.contracts) throw payError('chain-unknown', { details: { chainId } });
  return { ...entry, contracts: entry.contracts };
}
