import { concat } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import { bytecode } from '#contracts/bytecode.ts';
import { create2Deployer } from '#contracts/chains.ts';
import { deploymentSalt, localDeployment } from '#contracts/deployment.ts';
import { payError } from '../errors.ts';
import type { Address, Chain, Mined, Wallet } from '../spec.ts';
import { tokenCall } from './calls.ts';

/** What only a local chain is for: contracts and money out of nothing. Large with the contracts' code; load it late. */

/**
 * Puts the contracts on a chain, at the addresses that its entry lists, whoever sends. What is there is left. Idempotent.
 * @throws `chain-unknown` unless the chain is local, and those of sending.
 */
export async function deployContracts(chain: Chain, sender: Wallet, options: AbortOptions = {}): Promise<void> {
  checkLocal(chain);
  for (const { name, address, args } of localDeployment) {
    if (await chain.hasCode(address, options)) continue;
    const data = concat([deploymentSalt, bytecode[name], args]);
    await chain.transact(sender, { to: create2Deployer, data }, options);
    if (!(await chain.hasCode(address, options))) throw payError('transaction-reverted', { details: { address } });
  }
}

/** Gives test tokens. @throws `chain-unknown` unless the chain is local, and those of sending. */
export async function mintTokens(
  chain: Chain,
  sender: Wallet,
  { to, units }: { readonly to: Address; readonly units: bigint },
  options: AbortOptions = {},
): Promise<Mined> {
  checkLocal(chain);
  return chain.transact(sender, tokenCall(chain.entry, { functionName: 'mint', args: [to, units] }), options);
}

function checkLocal({ entry }: Chain): void {
  if (!entry.isLocal) throw payError('chain-unknown', { details: { chainId: entry.id } });
}
