import { raceSignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createMutexes } from '#lib/base/mutex.ts';
import { channelsAbi } from '#contracts/channels.ts';
import { providersAbi } from '#contracts/providers.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { payError } from '../errors.ts';
import type { Address, Chain, DeployedChain } from '../spec.ts';
import { dataFee } from './data-fee.ts';
import { channelEvents, readChannelEvents } from './events.ts';
import { currentFees } from './fees.ts';
import { chainLimits, type ChainLimits } from './limits.ts';
import { createRpcClient } from './rpc-client.ts';
import { submit } from './submit.ts';

export interface ChainComponents {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
}

export interface ChainInit {
  readonly entry: DeployedChain;
  /** Overrides the entry's node. */
  readonly rpcUrl?: string;
  readonly limits?: Partial<ChainLimits>;
}

/** A chain accessed through a JSON-RPC node. */
export function createChain({ clock, fetch }: ChainComponents, init: ChainInit): Chain {
  const { entry } = init;
  const limits: ChainLimits = { ...chainLimits, ...init.limits };
  const node = createRpcClient({
    entry,
    rpcUrl: init.rpcUrl ?? entry.rpcUrl,
    fetch,
    requestTimeoutMs: limits.requestTimeoutMs,
  });
  /** Per account: two of its transactions must not race for a nonce. */
  const accounts = createMutexes<Address>();
  const channels = { address: entry.contracts.channels, abi: channelsAbi } as const;
  const providers = { address: entry.contracts.providers, abi: providersAbi } as const;
  // Only standard token functions are used, although the ABI is the test token's.
  const token = { address: entry.token.address, abi: testUsdcAbi } as const;
  return {
    entry,
    head: (options) => node.head(options),
    blockHash: (number, options) => node.blockHash(number, options),
    channel: (id, options) =>
      node.ask((client) => client.readContract({ ...channels, functionName: 'stateOf', args: [id] }), options),
    settleNonce: (payee, options) =>
      node.ask((client) => client.readContract({ ...channels, functionName: 'settleNonce', args: [payee] }), options),
    owed: (payee, options) =>
      node.ask(
        (client) => client.readContract({ ...channels, functionName: 'owed', args: [token.address, payee] }),
        options,
      ),
    tokenBalance: (owner, options) =>
      node.ask((client) => client.readContract({ ...token, functionName: 'balanceOf', args: [owner] }), options),
    coinBalance: (address, options) => node.ask((client) => client.getBalance({ address }), options),
    async stake(provider, options) {
      const args = [provider] as const;
      const [{ stake, ...record }, isListed] = await node.ask(
        (client) =>
          Promise.all([
            client.readContract({ ...providers, functionName: 'providerOf', args }),
            client.readContract({ ...providers, functionName: 'isListed', args }),
          ]),
        options,
      );
      const { unbonding, unbondedAt, offerKey, metadataHash, pricesHash } = record;
      return { bonded: stake, unbonding, unbondedAt, isListed, offerKey, metadataHash, pricesHash };
    },
    hasCode: async (address, options) => {
      const code = await node.ask((client) => client.getCode({ address }), options);
      return code !== undefined && code !== '0x';
    },
    estimateGas: (account, { to, data }, options) =>
      node.ask((client) => client.estimateGas({ account, to, data }), options),
    gasPrice: async (options = {}) => (await currentFees(node, limits, options)).maxFeePerGas,
    dataFee: (bytes, options) => dataFee(node, entry.id, bytes, options),
    async events(from, to, options) {
      if (to - from >= limits.logRangeMax) {
        throw payError('range-too-long', { details: { maximum: limits.logRangeMax, given: to - from + 1n } });
      }
      const logs = await node.ask(
        (client) => client.getLogs({ address: channels.address, events: channelEvents, fromBlock: from, toBlock: to }),
        options,
      );
      return readChannelEvents(entry, logs);
    },
    simulate: (from, call, options) => node.call(from, call, options),
    transact: (wallet, call, options: AbortOptions = {}) => {
      const turn = accounts.run(wallet.address, async () => {
        const receipt = await submit({ node, entry, clock, limits }, wallet, call, options);
        return {
          hash: receipt.transactionHash,
          blockNumber: receipt.blockNumber,
          gasUsed: receipt.gasUsed,
          events: readChannelEvents(entry, receipt.logs),
        };
      });
      return raceSignal(turn, options.signal);
    },
  };
}
