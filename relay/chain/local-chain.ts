import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Random } from '#lib/base/random.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployContracts } from '#lib/pay/chain/local.ts';
import type { Address, Chain, Wallet } from '#lib/pay/spec.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { startAnvil, type Anvil } from './anvil.ts';
import type { Faucet } from '../gateway/payments.ts';
import { createFaucet, gift } from './faucet.ts';
import { createKeptState, type KeptState, type StateFound } from './kept-state.ts';

const chainId = 31_337;
/** A chain that is killed loses at most so much of what happened on it. */
const stateSeconds = 5;
/** One that is killed while it writes loses at most so much more. */
const keepMs = 30_000;
/** Blocks come at once where transactions do. */
const limits = { pollMs: 50 } as const;

export interface LocalChainComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: typeof globalThis.fetch;
}

export interface OwnChain extends Anvil {
  /** What became of what happened on it before. */
  readonly found: StateFound;
}

/**
 * Starts a chain on this machine, with what happened on it before, and puts the contracts there.
 * @param folder of what outlives the process.
 * @throws `anvil-missing`, `chain-port-in-use`, `chain-failed`, `data-not-writable`.
 */
export async function startLocalChain(
  { folder, port }: { readonly folder: string; readonly port: number },
  { clock, random, fetch }: LocalChainComponents,
): Promise<OwnChain> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new TabloomError('data-not-writable', `${folder} cannot be written. Choose another folder with DATA_DIR.`, {
      cause,
    });
  }
  const statePath = join(folder, 'chain.json');
  const extra = [`--state-interval=${stateSeconds}`];
  const pidPath = join(folder, 'chain.pid');
  await endLeftover(pidPath, statePath);
  const state = createKeptState(statePath);
  const found = await state.mend();
  const anvil = await startAnvil({ port, chainId, statePath, extra });
  try {
    await writeFile(pidPath, String(anvil.pid));
    const chain = createChain({ clock, fetch }, { entry: deployedChain(chainId), rpcUrl: anvil.url, limits });
    const sender = localWallet(drawKey(random));
    await coinSetter(anvil.url, fetch)(sender.address, gift.wei);
    await deployContracts(chain, sender);
    void keepWhileRunning(state, anvil, clock);
    void anvil.gone.then(() => rm(pidPath, { force: true })).catch(() => undefined);
    return { ...anvil, found };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

/** Where the copy cannot be renewed, the one before it stands. */
async function keepWhileRunning(state: KeptState, { gone }: Anvil, clock: Clock): Promise<void> {
  const ended = new AbortController();
  void gone.then(() => ended.abort());
  while (!ended.signal.aborted) {
    await clock.delay(keepMs, ended).catch(() => undefined);
    await state.keep().catch(() => undefined);
  }
}

/** How long a chain may take to write down what happened on it. */
const leftoverMs = 5_000;

/**
 * Ends the chain of a program that was killed: it holds the port and the file. Only one that is certainly that chain, by its command
 * line; systems that do not show it are left to the message about the port.
 */
async function endLeftover(pidPath: string, statePath: string): Promise<void> {
  const pid = Number(await readFile(pidPath, 'utf8').catch(() => '0'));
  const isOurs = async () => {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return line.split('\0').includes(`--state=${statePath}`);
  };
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isOurs())) return;
    process.kill(pid, signal);
    // While it is there, it has the port and may write to the file.
    for (let waitedMs = 0; waitedMs < leftoverMs && (await isOurs()); waitedMs += 50) await sleep(50);
  }
}

/** A faucet on a local chain, whoever started it. Its account is drawn anew: there is nothing to keep. */
export function createLocalFaucet(
  { chain, rpcUrl }: { readonly chain: Chain; readonly rpcUrl: string },
  { clock, random, fetch }: LocalChainComponents,
): Faucet {
  const wallet: Wallet = localWallet(drawKey(random));
  return createFaucet({ chain, clock, wallet, setCoins: coinSetter(rpcUrl, fetch) });
}

/** By a method that only a development chain has. */
function coinSetter(rpcUrl: string, fetch: typeof globalThis.fetch) {
  return async (address: Address, wei: bigint, { signal }: AbortOptions = {}): Promise<void> => {
    const params = [address, `0x${wei.toString(16)}`];
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'anvil_setBalance', params });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(rpcUrl, { method: 'POST', headers, body, ...(signal ? { signal } : {}) });
    const answer = (await response.json()) as { readonly error?: unknown };
    if (answer.error) throw new TabloomError('chain-unavailable', 'This chain lets nobody make coins.');
  };
}
