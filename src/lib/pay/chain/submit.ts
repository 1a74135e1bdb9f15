import { keccak256, type Hash, type TransactionReceipt } from 'viem';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { ChainEntry } from '#contracts/chains.ts';
import { payError } from '../errors.ts';
import type { ContractCall, InjectedWallet, LocalWallet, Wallet } from '../spec.ts';
import { watchNonce } from './successor.ts';
import { waitFor } from './wait.ts';
import { bump, currentFees, type Fees } from './fees.ts';
import type { ChainLimits } from './limits.ts';
import type { RpcClient } from './rpc-client.ts';
import { isKnown, isNonceTaken, isUnderpriced, toPayError } from './rpc-errors.ts';

export interface SubmitComponents {
  readonly node: RpcClient;
  readonly entry: ChainEntry;
  readonly clock: Clock;
  readonly limits: ChainLimits;
}

/**
 * Sends one call and waits for the chain's number of confirmations. Waits for an unresponsive node, replaces a stuck
 * transaction under the same nonce, and resends one dropped by a reorganisation.
 * @throws the contract's revert, before anything is sent; `rejected`, `insufficient-gas`, `wrong-chain`,
 * `chain-unavailable`, `transaction-stuck`, `transaction-replaced`, `transaction-reverted`.
 */
export async function submit(
  components: SubmitComponents,
  wallet: Wallet,
  call: ContractCall,
  options: AbortOptions = {},
): Promise<TransactionReceipt> {
  for (let start = 0; ; start++) {
    try {
      await components.node.check(options);
      const gas = await estimateGas(components, wallet, call, options);
      const receipt =
        wallet.type === 'local'
          ? await sendLocal(components, wallet, { ...call, gas }, options)
          : await sendInjected(components, wallet, { ...call, gas }, options);
      if (receipt.status !== 'success') {
        throw await revertOf(components, wallet, call, { hash: receipt.transactionHash, ...options });
      }
      return receipt;
    } catch (error) {
      // Another process with the same key used the nonce. None of our versions was mined, so restarting is safe.
      const isReplaced = errorCode(error) === 'transaction-replaced' && wallet.type === 'local';
      if (!isReplaced || start >= components.limits.restartsMax) throw error;
    }
  }
}

/** The error of a mined transaction that failed, with its hash in the details: gas was spent on it. */
async function revertOf(
  { node }: SubmitComponents,
  wallet: Wallet,
  call: ContractCall,
  { hash, ...options }: AbortOptions & { readonly hash: Hash },
): Promise<TabloomError> {
  // Simulating the call now yields the contract's error, unless the cause has passed.
  const cause = await node.call(wallet.address, call, options).then(() => null, toPayError);
  if (!cause) return payError('transaction-reverted', { details: { hash } });
  return new TabloomError(cause.code, cause.message, { details: { ...cause.details, hash }, cause });
}

async function estimateGas(
  { node, limits }: SubmitComponents,
  wallet: Wallet,
  { to, data }: ContractCall,
  options: AbortOptions,
): Promise<bigint> {
  await node.call(wallet.address, { to, data }, options);
  const gas = await node.ask((client) => client.estimateGas({ account: wallet.address, to, data }), options);
  return (gas * limits.gasPercent) / 100n;
}

async function sendInjected(
  components: SubmitComponents,
  wallet: InjectedWallet,
  call: ContractCall & { readonly gas: bigint },
  options: AbortOptions,
): Promise<TransactionReceipt> {
  const { entry, node } = components;
  const actual = await wallet.chainId(options);
  if (actual !== entry.id) throw payError('wrong-chain', { details: { expected: entry.id, actual } });
  const { number } = await node.head(options);
  const hash = await wallet.sendTransaction({ chainId: entry.id, ...call }, options);
  const hashes = [hash];
  const isNonceUsed = watchNonce(node, { address: wallet.address, call, hashes, since: number }, options);
  return waitFor(components, { hashes, resend: async () => undefined, isNonceUsed }, options);
}

async function sendLocal(
  components: SubmitComponents,
  wallet: LocalWallet,
  call: ContractCall & { readonly gas: bigint },
  options: AbortOptions,
): Promise<TransactionReceipt> {
  const { node, entry, limits } = components;
  const account = { address: wallet.address } as const;
  const coins = await node.ask((client) => client.getBalance(account), options);
  // The mined nonce, not the pending one, so that a transaction stuck since an earlier run is replaced.
  const nonce = await node.ask((client) => client.getTransactionCount({ ...account, blockTag: 'latest' }), options);
  let fees = await currentFees(node, limits, options);
  if (coins < call.gas * fees.maxFeePerGas) {
    throw payError('insufficient-gas', { details: { required: call.gas * fees.maxFeePerGas, available: coins } });
  }
  const hashes: Hash[] = [];
  const send = async (offered: Fees) => {
    const raw = await wallet.signTransaction({ chainId: entry.id, ...call, nonce, ...offered });
    const hash = keccak256(raw);
    if (!hashes.includes(hash)) hashes.push(hash);
    // Bypasses error mapping: the node's message about nonce and price decides what to do next.
    await node.client.sendRawTransaction({ serializedTransaction: raw as `0x02${string}` }).catch((error: unknown) => {
      if (!isKnown(error)) throw error;
    });
  };
  const sendBumping = async () => {
    for (let tries = 0; tries <= limits.replacementsMax; tries++) {
      try {
        return await send(fees);
      } catch (error) {
        if (isNonceTaken(error)) return;
        if (!isUnderpriced(error)) throw toPayError(error);
        fees = bump(fees, limits);
      }
    }
  };
  await sendBumping().catch((error: unknown) => {
    // It may have arrived anyway: waiting finds out and resends.
    if (errorCode(error) !== 'chain-unavailable') throw error;
  });
  return waitFor(
    components,
    {
      hashes,
      resend: async () => {
        if (hashes.length > limits.replacementsMax)
          throw payError('transaction-stuck', { details: { hash: hashes[0] } });
        fees = bump(fees, limits);
        // Earlier versions may still be mined, so failing to send another is not an error.
        await sendBumping().catch(() => undefined);
      },
      isNonceUsed: async () =>
        (await node.ask((client) => client.getTransactionCount({ ...account, blockTag: 'latest' }), options)) > nonce,
    },
    options,
  );
}
