import { TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createCollector } from '#lib/pay/collect.ts';
import { createExit, type Exit } from '#lib/pay/exit.ts';
import { entry, testPayee, testPayer, testStorage, type TestStorage } from '#lib/pay/pay.fixture.ts';
import type { Rate } from '#lib/pay/cost.ts';
import { createPurse, type PurseLimits } from '#lib/pay/purse.ts';
import type { ChannelId, ChannelTerms, LocalWallet } from '#lib/pay/spec.ts';
import { delayMin } from '#lib/pay/terms.ts';
import { createTill } from '#lib/pay/till.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import type { World } from '#lib/peer/peer.fixture.ts';
import { askToClose } from '#lib/peer/ask/close-channel.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { Random } from '#lib/base/random.ts';
import type { Net } from '#lib/net/spec.ts';
import type { MemoryChain } from './memory-chain.ts';

export const funds = 1_000_000n;

/** What every process here is made of. */
export interface Ground {
  readonly world: World;
  readonly chain: MemoryChain;
  readonly random: Random;
}

/** One that can be killed: what it stored outlives it. */
export interface Process<Life> {
  readonly wallet: LocalWallet;
  readonly values: Map<string, unknown>;
  life: (Life & { readonly die: () => void }) | undefined;
}

/** What pays, as far as it is judged. */
export interface Paying {
  /** What each channel has promised. */
  promised(): Promise<readonly { readonly id: ChannelId; readonly terms: ChannelTerms; readonly units: bigint }[]>;
  /** Leaves every open channel. */
  readonly leaving: () => AsyncGenerator<() => Promise<unknown>>;
  readonly exit: Exit;
}

/** Storage of a process: it stores nothing once it has been killed. */
export function mortal(values: Map<string, unknown>): { readonly storage: TestStorage; readonly die: () => void } {
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

/** A purse, and the way out of its channels once there is a net to ask by. */
export async function openSpending(
  { world, chain, random }: Ground,
  {
    storage,
    wallet,
    signer,
    rate,
    limits = {},
  }: {
    storage: TestStorage;
    wallet: LocalWallet;
    signer: LocalWallet & { key: `0x${string}` };
    rate?: Rate;
    limits?: Partial<PurseLimits>;
  },
) {
  const { clock, directory } = world;
  const { payer } = await testPayer(storage, {
    clock,
    chain,
    address: signer.address,
    privateKey: signer.key,
    limit: funds,
  });
  const time = createChainTime(chain, clock);
  const purse = createPurse(
    { chains: [{ chain, time, payer, wallet, sender: wallet, rate }], random },
    {
      perJobMax: 10_000n,
      perProviderMax: 100_000n,
      depositsMax: 300_000n,
      jobsPerDeposit: 3n,
      sponsorFeeMax: 0n,
      ...limits,
    },
  );
  const paying = (net: Net): Paying => {
    const exit = createExit({
      chain,
      clock,
      time,
      payer,
      signer,
      sender: wallet,
      logger: silentLogger,
      // Half of the providers have no time for it: their channels are left the long way.
      agree: (request, options) =>
        random.float() < 0.5
          ? askToClose({ net, directory, clock }, request, options)
          : Promise.reject(wireError('no-peer-available')),
    });
    return {
      exit,
      promised: () =>
        Promise.all(
          payer.list().map(async ({ id, terms }) => ({ id, terms, units: (await payer.state(id)).promised })),
        ),
      async *leaving() {
        for (const { id } of payer.list()) {
          if ((await payer.refresh(id)).phase === 'open') yield () => exit.leave(id);
        }
      },
    };
  };
  return { purse, paying };
}

/** A till, and what claims for it. */
export async function openEarning(
  { world: { clock }, chain }: Ground,
  { storage, wallet }: { readonly storage: TestStorage; readonly wallet: LocalWallet },
) {
  const provider = wallet.address;
  const payee = await testPayee(storage, { clock, chain, provider, providerSigner: provider });
  const address = provider.toLowerCase() as `0x${string}`;
  const payout = { chain: entry.id, provider: address, providerSigner: address, delay: delayMin, depositMin: '500' };
  const till = createTill([{ payee, perPayerMax: 100_000n, payout, closing: { chain, signer: wallet } }]);
  const collector = createCollector(
    { chain, clock, payee, vouchers: createVoucherSigner(entry), wallet, logger: silentLogger },
    {
      policy: { perPayerMax: 100_000n, gasShareBpsMax: 200n, deadlineMarginSeconds: 900 },
      rate: { units: 1n, wei: 1n },
      intervalMs: 5_000,
    },
  );
  await collector.start();
  return {
    till,
    round: () => collector.round(),
    stop: () => void collector.stop(),
    /** What it holds vouchers for. */
    promised: () => payee.views().reduce((sum, { state }) => sum + state.promised, 0n),
  };
}
