import { TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createCollector } from '#lib/pay/collect.ts';
import { createExit, type Exit, type ExitComponents } from '#lib/pay/exit.ts';
import { entry, keyOf, testPayee, testPayer, testStorage, walletOf, type TestStorage } from '#lib/pay/pay.fixture.ts';
import { createPurse } from '#lib/pay/purse.ts';
import type { LocalWallet } from '#lib/pay/spec.ts';
import { delayMin } from '#lib/pay/terms.ts';
import { createTill } from '#lib/pay/till.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import {
  chat,
  createWorld,
  follow,
  paidPrice,
  type Asker,
  type Followed,
  type Worker,
} from '#lib/peer/peer.fixture.ts';
import { askToClose } from '#lib/peer/ask/close-channel.ts';
import { createChannelCloser } from '#lib/peer/serve/close-channels.ts';
import type { AskRequest } from '#lib/peer/spec.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { createMemoryChain } from './memory-chain.ts';

const askersCount = 2;
const workersCount = 3;
const funds = 1_000_000n;

/** Storage of a process: what was stored outlives it, and it stores nothing once it has been killed. */
function mortal(values: Map<string, unknown>): { readonly storage: TestStorage; readonly die: () => void } {
  const storage = testStorage(values);
  let isDead = false;
  const check = () => {
    if (isDead) throw new TabloomError('storage-unavailable', 'The process is gone.');
  };
  const { put, update } = storage;
  storage.put = async (...args) => (check(), put(...args));
  storage.update = async (...args) => (check(), update(...args));
  return { storage, die: () => void (isDead = true) };
}

interface Process<Life> {
  readonly wallet: LocalWallet;
  readonly values: Map<string, unknown>;
  life: (Life & { readonly die: () => void }) | undefined;
}

interface AskerLife {
  readonly asker: Asker;
  readonly payer: Awaited<ReturnType<typeof testPayer>>['payer'];
  readonly exit: Exit;
  readonly jobs: Set<Followed>;
}

interface WorkerLife {
  readonly worker: Worker;
  readonly round: () => Promise<unknown>;
  readonly promised: () => bigint;
}

interface Played {
  readonly job: Followed;
  /** Its asker was killed before it was over. */
  wasKilled: boolean;
}

/** Two askers and three workers in memory, on one clock and one chain; each can be killed, and started again on what it stored. */
export async function createMemoryTown(seed: number) {
  const random = seededRandom(seed);
  const world = createWorld(seed);
  const chain = createMemoryChain(world.clock, random);
  const { clock, directory, network } = world;
  const logger = silentLogger;
  const walletAt = (number: number): Process<never> => ({
    wallet: walletOf(number),
    values: new Map(),
    life: undefined,
  });
  const askers: Process<AskerLife>[] = Array.from({ length: askersCount }, (_, n) => walletAt(100 + n));
  const workers: Process<WorkerLife>[] = Array.from({ length: workersCount }, (_, n) => walletAt(200 + n));
  /** Tokens that each worker made, in all its lives. */
  const made = workers.map(() => 0);
  const played: Played[] = [];
  for (const { wallet } of askers) chain.fund(wallet.address, funds);

  const startAsker = async (index: number) => {
    const process = askers[index]!;
    const { storage, die } = mortal(process.values);
    const { wallet } = process;
    const key = { address: walletOf(300 + index).address, privateKey: keyOf(300 + index), limit: funds };
    const { payer } = await testPayer(storage, { clock, chain, ...key });
    const time = createChainTime(chain, clock);
    const purse = createPurse(
      { chains: [{ chain, time, payer, wallet, sender: wallet }], random },
      { perJobMax: 10_000n, perProviderMax: 100_000n, depositsMax: 300_000n, jobsPerDeposit: 3n, sponsorFeeMax: 0n },
    );
    const asker = await world.asker(40 + index, { purse });
    const { net } = asker;
    /** Half of the providers have no time for it: their channels are left the long way. */
    const agree: ExitComponents['agree'] = (request, options) =>
      random.float() < 0.5
        ? askToClose({ net, directory, clock }, request, options)
        : Promise.reject(wireError('no-peer-available'));
    const exit = createExit({
      chain,
      clock,
      time,
      payer,
      signer: walletOf(300 + index),
      sender: wallet,
      logger,
      agree,
    });
    process.life = { asker, payer, exit, jobs: new Set(), die };
  };
  const startWorker = async (index: number) => {
    const process = workers[index]!;
    const { storage, die } = mortal(process.values);
    const { wallet } = process;
    const provider = wallet.address;
    const payee = await testPayee(storage, { clock, chain, provider, providerSigner: provider });
    const address = provider.toLowerCase() as `0x${string}`;
    const payout = { chain: entry.id, provider: address, providerSigner: address, delay: delayMin, depositMin: '500' };
    const till = createTill([{ payee, perPayerMax: 100_000n, payout, closing: { chain, signer: wallet } }]);
    const collector = createCollector(
      { chain, clock, payee, vouchers: createVoucherSigner(entry), wallet, logger },
      {
        policy: { perPayerMax: 100_000n, gasShareBpsMax: 200n, deadlineMarginSeconds: 900 },
        rate: { units: 1n, wei: 1n },
        intervalMs: 5_000,
      },
    );
    const worker = await world.worker(1 + index, {
      answerTokens: 100 + 60 * index,
      price: paidPrice,
      slots: 2,
      provider: { till },
    });
    await createChannelCloser({ net: worker.net, till, clock, logger }).start();
    await collector.start();
    process.life = {
      worker,
      round: () => collector.round(),
      promised: () => payee.views().reduce((sum, { state }) => sum + state.promised, 0n),
      die() {
        die();
        made[index]! += worker.provider.state.tokensOut;
        void collector.stop();
      },
    };
  };
  for (let index = 0; index < workersCount; index++) await startWorker(index);
  for (let index = 0; index < askersCount; index++) await startAsker(index);

  return {
    ...world,
    chain,
    random,
    askers,
    workers,
    made,
    played,
    startAsker,
    startWorker,
    killAsker(index: number) {
      const { life } = askers[index]!;
      if (!life) return;
      for (const one of played) if (life.jobs.has(one.job) && !one.job.over) one.wasKilled = true;
      life.die();
      network.kill(life.asker.net.self);
      for (const job of life.jobs) job.cancel();
      askers[index]!.life = undefined;
    },
    killWorker(index: number) {
      const { life } = workers[index]!;
      if (!life) return;
      life.die();
      network.kill(life.worker.net.self);
      workers[index]!.life = undefined;
    },
    ask(index: number) {
      const { life } = askers[index]!;
      const params = { maxTokens: 60 + Math.floor(random.float() * 240), temperature: 0 };
      const request = { ...chat(`question ${played.length}`), params, budget: '2000', deadlineMs: 60_000 };
      const job = follow(life!.asker.consumer, request as AskRequest);
      life!.jobs.add(job);
      played.push({ job, wasKilled: false });
    },
  };
}
