import { copyFile, writeFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { parseEther, type Hex } from 'viem';
import { systemClock } from '#lib/base/clock.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import type { ChainLimits } from '#lib/pay/chain/limits.ts';
import type { Address, Chain, DeployedChain, LocalWallet } from '#lib/pay/spec.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { bytecode } from '#contracts/bytecode.ts';
import { testUsdcAbi } from '#contracts/test-usdc.ts';
import { startAnvil, type Anvil } from '../../../relay/chain/anvil.ts';
import { deploy, plan } from '../../../scripts/contracts/deployment.ts';
import { localAccount, localChain, localClients } from '../../../scripts/contracts/local.ts';

/** A real chain for one test file, with the contracts on it, and the means to bend it. */
export interface LocalChain {
  readonly entry: DeployedChain;
  readonly anvil: Anvil;
  readonly clients: ReturnType<typeof localClients>;
  /** The library's own view of it, as impatient as a test has to be. */
  chain(limits?: Partial<ChainLimits>): Chain;
  /** A new key with coins for gas and `units` of the test token. */
  person(units: bigint): Promise<Person>;
  /** Coins for gas, and test tokens. */
  give(address: Address, units: bigint): Promise<void>;
  treasury: Address;
  mine(blocks: number): Promise<void>;
  /** Moves the chain's time to `timestamp` (Unix seconds) or on by `seconds`. */
  moveTo(timestamp: number): Promise<void>;
  /** Ends its process, which writes its state to `statePath`. */
  halt(): Promise<void>;
  /** Keeps a copy of its state beside `statePath`. */
  keep(): Promise<void>;
  /** Kills its process, and sets it back: what happened since `keep` is lost. */
  kill(): Promise<void>;
  /** The same again after `halt` or `kill`, on the same port, with the state at `statePath`. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface Person {
  readonly wallet: LocalWallet;
  readonly key: Hex;
  readonly address: Address;
}

export interface StartInit {
  readonly port?: number;
  readonly statePath?: string;
  readonly confirmations?: number;
  readonly extra?: readonly string[];
}

/** While its machine is busy: one that was killed before it wrote its state would come back without it. */
const patience = { startTimeoutMs: 90_000, stopTimeoutMs: 90_000 };

export async function startLocalChain(init: StartInit = {}): Promise<LocalChain> {
  const { confirmations = 1, ...start } = init;
  let anvil = await startAnvil({ ...patience, chainId: 31337, ...start });
  const clients = localClients(anvil.url);
  const planned = plan(localChain, bytecode);
  await deploy(planned, clients.reader, clients.sender);
  const entry: DeployedChain = { ...deployedChain(31337), rpcUrl: anvil.url, confirmations };
  const mine = (blocks: number) => clients.clock.mine({ blocks });
  const give = async (address: Address, units: bigint) => {
    await clients.clock.setBalance({ address, value: parseEther('10') });
    if (units === 0n) return;
    const hash = await clients.sender.writeContract({
      address: entry.token.address,
      abi: testUsdcAbi,
      functionName: 'mint',
      args: [address, units],
      account: localAccount(0),
    });
    await clients.reader.waitForTransactionReceipt({ hash });
  };
  return {
    entry,
    get anvil() {
      return anvil;
    },
    clients,
    treasury: localChain.roles!.treasury,
    chain: (limits = {}) =>
      createChain(
        { clock: systemClock, fetch },
        {
          entry,
          limits: { pollMs: 20, requestTimeoutMs: 15_000, unresponsiveMs: 20_000, nonceLostAfterMs: 500, ...limits },
        },
      ),
    give,
    async person(units) {
      const key = drawKey(systemRandom);
      const wallet = localWallet(key);
      await give(wallet.address, units);
      return { wallet, key, address: wallet.address };
    },
    mine,
    async moveTo(timestamp) {
      await clients.clock.setNextBlockTimestamp({ timestamp: BigInt(timestamp) });
      await mine(1);
    },
    halt: () => anvil.stop(),
    async keep() {
      const dumped = await clients.clock.dumpState();
      await writeFile(`${start.statePath!}.kept`, gunzipSync(Buffer.from(dumped.slice(2), 'hex')));
    },
    async kill() {
      process.kill(anvil.pid, 'SIGKILL');
      await anvil.gone;
      // By itself it writes its state every minute, and on exit.
      await copyFile(`${start.statePath!}.kept`, start.statePath!);
    },
    async restart() {
      anvil = await startAnvil({ ...patience, chainId: 31337, ...start, port: anvil.port });
    },
    stop: () => anvil.stop(),
  };
}
