import {
  concat,
  encodeAbiParameters,
  getCreate2Address,
  keccak256,
  toHex,
  type Address,
  type Hex,
  type PublicClient,
  type WalletClient,
} from 'viem';
import type { DeployedName } from './artifacts.ts';
import { shareBps, stakeMinimumUnits, type ChainEntry } from './chains.ts';

/** One contract to deploy. Its address is derived from its code, whatever the chain and sender. */
export type DeploymentStep = {
  readonly name: DeployedName;
  readonly initCode: Hex;
  readonly address: Address;
};

export type Plan = {
  readonly token: Address;
  readonly steps: readonly DeploymentStep[];
};

/** The well-known CREATE2 deployer, present on almost every chain and predeployed on anvil. */
export const deployer: Address = '0x4e59b44847b379578588920cA78FbF26c0B4956C';

/** The same salt, code and arguments yield the same address on every chain. */
export const salt = keccak256(toHex('tabloom contracts 1'));

/** Computes all addresses. Pure. Throws if the chain has no roles yet. */
export function plan(chain: ChainEntry, bytecode: Readonly<Record<DeployedName, Hex>>): Plan {
  if (!chain.roles) throw new Error(`${chain.name} has no governor and treasury yet: set them in chains.ts`);
  const { governor, treasury } = chain.roles;
  const steps: DeploymentStep[] = [];
  const add = (name: DeployedName, args: Hex): Address => {
    const initCode = concat([bytecode[name], args]);
    const address = getCreate2Address({ from: deployer, salt, bytecode: initCode });
    steps.push({ name, initCode, address });
    return address;
  };
  const token = chain.token?.address ?? add('TestUSDC', '0x');
  add(
    'Channels',
    encodeAbiParameters([{ type: 'address' }, { type: 'address' }, { type: 'uint16' }], [governor, treasury, shareBps]),
  );
  const providers = add(
    'Providers',
    encodeAbiParameters(
      [{ type: 'address' }, { type: 'address' }, { type: 'uint128' }],
      [governor, token, stakeMinimumUnits],
    ),
  );
  add('Disputes', encodeAbiParameters([{ type: 'address' }, { type: 'address' }], [governor, providers]));
  return { token, steps };
}

/** The address of a contract in a plan. */
export function contractAddress(planned: Plan, name: DeployedName): Address {
  const step = planned.steps.find((each) => each.name === name);
  if (!step) throw new Error(`${name} is not part of this deployment`);
  return step.address;
}

/**
 * Deploys what is missing, in order, waiting for each. Running it again sends nothing. The result does not depend on
 * the sender.
 * @returns the names of the contracts deployed by this call.
 */
export async function deploy(
  planned: Plan,
  reader: PublicClient,
  sender: WalletClient,
  confirmations = 1,
): Promise<readonly DeployedName[]> {
  const { account } = sender;
  if (!account) throw new Error('the sending wallet has no account');
  if (!(await reader.getCode({ address: deployer }))) {
    throw new Error(`no CREATE2 deployer at ${deployer} on this chain: deploy it first (see SPEC.md, Deployment)`);
  }
  const sent: DeployedName[] = [];
  for (const step of planned.steps) {
    if (await reader.getCode({ address: step.address })) continue;
    const hash = await sender.sendTransaction({
      account,
      chain: sender.chain ?? null,
      to: deployer,
      data: concat([salt, step.initCode]),
    });
    const receipt = await reader.waitForTransactionReceipt({ hash, confirmations });
    if (receipt.status !== 'success' || !(await reader.getCode({ address: step.address }))) {
      throw new Error(`${step.name} did not appear at ${step.address}: look at transaction ${hash}`);
    }
    sent.push(step.name);
  }
  return sent;
}
