import { decodeFunctionData, encodeFunctionData, hashTypedData, parseAbi } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Mutex } from '#lib/base/mutex.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import type { ChainEntry } from '#contracts/chains.ts';
import { payError } from '../errors.ts';
import { isSignedBy } from '../signature.ts';
import type { Address, Hex, LocalWallet } from '../spec.ts';
import { chainLimits } from './limits.ts';
import { createRpcClient, type RpcClient } from './rpc-client.ts';
import { submit } from './submit.ts';

/** Where Permit2 and x402's contract for metered payments are, on every chain that has them. */
export const permit2Address = '0x000000000022D473030F116dDEE9F6B43aC78BA3';
export const meteredProxyAddress = '0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002';

/** What the owner of a token lets one collector take, once, and to one payee alone. Times in Unix seconds. */
export interface MeteredPermit {
  readonly from: Address;
  readonly token: Address;
  /** The most. */
  readonly amount: bigint;
  readonly nonce: bigint;
  readonly deadline: bigint;
  readonly to: Address;
  /** Who alone may collect it. */
  readonly facilitator: Address;
  readonly validAfter: bigint;
  /** Of a key: 65 bytes. */
  readonly signature: Hex;
}

/** Collects what was used of signed permits. What each came to is read from the chain, as with signed payments. */
export interface PermitCollector {
  readonly facilitator: Address;
  /** Whether the chain has both contracts. */
  isAvailable(options?: AbortOptions): Promise<boolean>;
  /**
   * Whether a permit could be collected in full now, by itself. The payer can still move the money away.
   * @returns `since`: the newest block. `available`: what could be collected of its payer in all, in units of the token.
   * @throws `bad-signature`, `authorization-used`, `insufficient-funds`, `allowance-too-small`, `chain-unavailable`.
   */
  check(permit: MeteredPermit, options?: AbortOptions): Promise<{ readonly since: bigint; readonly available: bigint }>;
  /**
   * Takes so many units, or finds the transaction that took them. Idempotent.
   * @param since a block before which it cannot have been sent.
   * @throws `authorization-used` where its owner has cancelled it, `authorization-expired`, and those of `submit`.
   */
  collect(
    permit: MeteredPermit,
    units: bigint,
    since: bigint,
    options?: AbortOptions,
  ): Promise<{ readonly hash: Hex; readonly units: bigint }>;
}

export interface PermitCollectorInit {
  readonly entry: ChainEntry;
  readonly rpcUrl?: string | undefined;
  /** Pays the gas, and is the facilitator. */
  readonly wallet: LocalWallet;
  /** Of the wallet's account, whose nonces are used one at a time. */
  readonly turns: Mutex;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
}

const permit2Abi = parseAbi(['function nonceBitmap(address, uint256) view returns (uint256)']);
const tokenAbi = parseAbi(['function allowance(address, address) view returns (uint256)']);
const proxyAbi = parseAbi([
  'struct Permitted { address token; uint256 amount; }',
  'struct Permit { Permitted permitted; uint256 nonce; uint256 deadline; }',
  'struct Witness { address to; address facilitator; uint256 validAfter; }',
  'function settle(Permit permit, uint256 amount, address owner, Witness witness, bytes signature)',
]);

const permitTypes = {
  PermitWitnessTransferFrom: [
    { name: 'permitted', type: 'TokenPermissions' },
    { name: 'spender', type: 'address' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
    { name: 'witness', type: 'Witness' },
  ],
  TokenPermissions: [
    { name: 'token', type: 'address' },
    { name: 'amount', type: 'uint256' },
  ],
  Witness: [
    { name: 'to', type: 'address' },
    { name: 'facilitator', type: 'address' },
    { name: 'validAfter', type: 'uint256' },
  ],
} as const;

export function createPermitCollector(init: PermitCollectorInit): PermitCollector {
  const { entry, rpcUrl = entry.rpcUrl, wallet, turns, clock, fetch } = init;
  const limits = chainLimits;
  const node = createRpcClient({ entry, rpcUrl, fetch, requestTimeoutMs: limits.requestTimeoutMs });
  const token = entry.token.address;

  const isUsed = async ({ from, nonce }: MeteredPermit, options?: AbortOptions) => {
    const args = [from, nonce >> 8n] as const;
    const bitmap = await node.ask(
      (client) => client.readContract({ address: permit2Address, abi: permit2Abi, functionName: 'nonceBitmap', args }),
      options,
    );
    return ((bitmap >> (nonce & 255n)) & 1n) === 1n;
  };

  return {
    facilitator: wallet.address,
    async isAvailable(options) {
      const codes = await Promise.all(
        [permit2Address, meteredProxyAddress].map((address) =>
          node.ask((client) => client.getCode({ address: address as Address }), options),
        ),
      );
      return codes.every((code) => code !== undefined && code !== '0x');
    },
    async check(permit, options) {
      if (!(await isSignedBy(permit.from, digestOf(permit, entry.id), permit.signature)))
        throw payError('bad-signature');
      const { from, amount } = permit;
      const [head, used, balance, allowance] = await Promise.all([
        node.head(options),
        isUsed(permit, options),
        node.ask(
          (client) =>
            client.readContract({ address: token, abi: testUsdcAbi, functionName: 'balanceOf', args: [from] }),
          options,
        ),
        node.ask(
          (client) =>
            client.readContract({
              address: token,
              abi: tokenAbi,
              functionName: 'allowance',
              args: [from, permit2Address],
            }),
          options,
        ),
      ]);
      if (used) throw payError('authorization-used', { details: { nonce: permit.nonce } });
      if (balance < amount) throw payError('insufficient-funds', { details: { required: amount, available: balance } });
      if (allowance < amount) {
        throw payError('allowance-too-small', { details: { spender: permit2Address, required: amount, allowance } });
      }
      return { since: head.number, available: balance < allowance ? balance : allowance };
    },
    collect: (permit, units, since, options = {}) =>
      turns.run(async () => {
        const find = async () => {
          if (!(await isUsed(permit, options))) return undefined;
          const found = await findCollection(node, { permit, since, most: limits.logRangeMax }, options);
          if (!found) throw payError('authorization-used', { details: { nonce: permit.nonce } });
          return found;
        };
        const found = await find();
        if (found) return confirmed(node, entry, found, options);
        const { timestamp } = await node.head(options);
        if (BigInt(timestamp) > permit.deadline) throw payError('authorization-expired');
        const call = { to: meteredProxyAddress as Address, data: encodeSettlement(permit, units) };
        try {
          const { transactionHash } = await submit({ node, entry, clock, limits }, wallet, call, options);
          return { hash: transactionHash, units };
        } catch (error) {
          if (errorCode(error) !== 'transaction-reverted') throw error;
          // An earlier run of this relay has sent it, and it was mined meanwhile.
          const sent = await find();
          if (!sent) throw error;
          return confirmed(node, entry, sent, options);
        }
      }),
  };
}

/** What the payer has signed. */
function digestOf(permit: MeteredPermit, chainId: number): Hex {
  const { token, amount, nonce, deadline, to, facilitator, validAfter } = permit;
  return hashTypedData({
    domain: { name: 'Permit2', chainId, verifyingContract: permit2Address },
    types: permitTypes,
    primaryType: 'PermitWitnessTransferFrom',
    message: {
      permitted: { token, amount },
      spender: meteredProxyAddress,
      nonce,
      deadline,
      witness: { to, facilitator, validAfter },
    },
  });
}

const encodeSettlement = (permit: MeteredPermit, units: bigint): Hex => {
  const { from, token, amount, nonce, deadline, to, facilitator, validAfter, signature } = permit;
  return encodeFunctionData({
    abi: proxyAbi,
    functionName: 'settle',
    args: [{ permitted: { token, amount }, nonce, deadline }, units, from, { to, facilitator, validAfter }, signature],
  });
};

interface Found {
  readonly hash: Hex;
  readonly block: bigint;
  readonly units: bigint;
}

/** The transaction that carried the permit out. Only this account can send one, so its own call says for how much. */
async function findCollection(
  node: RpcClient,
  { permit, since, most }: { readonly permit: MeteredPermit; readonly since: bigint; readonly most: bigint },
  options: AbortOptions,
): Promise<Found | undefined> {
  const { from, to, token, nonce, facilitator } = permit;
  const { number: newest } = await node.head(options);
  const event = parseAbi(['event Transfer(address indexed from, address indexed to, uint256 value)'])[0];
  for (let first = since; first <= newest; first += most) {
    const last = first + most - 1n < newest ? first + most - 1n : newest;
    const logs = await node.ask(
      (client) => client.getLogs({ address: token, event, args: { from, to }, fromBlock: first, toBlock: last }),
      options,
    );
    for (const { transactionHash, blockNumber, args } of logs) {
      const sent = await node.ask((client) => client.getTransaction({ hash: transactionHash }), options);
      if (!same(sent.from, facilitator) || sent.to === null || !same(sent.to, meteredProxyAddress)) continue;
      const { args: called } = decodeFunctionData({ abi: proxyAbi, data: sent.input });
      if (called[0].nonce === nonce && called[2] !== undefined && same(called[2], from)) {
        return { hash: transactionHash, block: blockNumber, units: args.value ?? 0n };
      }
    }
  }
  return undefined;
}

/** @throws `chain-unavailable` where it has not been confirmed yet: asked again later, it will have been. */
async function confirmed(node: RpcClient, entry: ChainEntry, { hash, block, units }: Found, options: AbortOptions) {
  const { number } = await node.head(options);
  if (number - block + 1n < BigInt(entry.confirmations)) {
    throw payError('chain-unavailable', { details: { hash, reason: 'not confirmed yet' } });
  }
  return { hash, units };
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
