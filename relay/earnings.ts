import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createCollector } from '#lib/pay/collect.ts';
import { createEntrusting } from '#lib/pay/entrust.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { claimPolicyDefault } from '#lib/pay/policy.ts';
import type { Till } from '#lib/pay/ports.ts';
import { createSponsorClient } from '#lib/pay/sponsor-client.ts';
import type { ChannelId, DeployedChain } from '#lib/pay/spec.ts';
import { delayMin } from '#lib/pay/terms.ts';
import { createTill } from '#lib/pay/till.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { EarningEnv } from './settings/earning.ts';

/** How a native provider is paid by other peers: it takes their vouchers, and claims them on the chain while it runs. */
export interface Earnings {
  readonly till: Till;
  readonly price: Price;
  /** While the queue is full. */
  readonly priceMax: Price;
  /** What a channel that pays here has promised in all, in units of the token. */
  promisedIn(channel: ChannelId): Promise<bigint>;
  /** The channels that pay here. */
  channels(): readonly ChannelId[];
  readonly chain: DeployedChain;
  start(): void;
  /**
   * Resolves when nothing is being claimed any more. What is left is claimed at the next start, and meanwhile by a relay, where one
   * takes it.
   */
  stop(): Promise<void>;
}

export interface EarningsInit {
  readonly env: EarningEnv & { readonly CHAIN_RPC_URL?: string | undefined };
  /** Where vouchers are kept. They are money. */
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
  /** Relays that may claim on this chain while the program is stopped. */
  readonly sponsorsOn?: (chain: number) => readonly URL[];
}

const weiPerCoin = 10n ** 18n;
/** Of each claim, in units. */
const relayFeeMax = 50_000n;
/** How long stopping waits for relays. */
const entrustTimeoutMs = 5_000;

/**
 * The account and the chain of a price, before anything is opened. @throws `bad-setting` where what a price needs is missing,
 * `chain-unknown`.
 */
export function checkEarning(env: EarningEnv) {
  const { EARN_KEY, EARN_CHAIN } = env;
  if (EARN_KEY === undefined) {
    throw new TabloomError('bad-setting', 'A price needs EARN_KEY, the key of the account that is paid.');
  }
  for (const name of ['EARN_IN', 'EARN_OUT'] as const) {
    const most = env[`${name}_MAX`];
    if (most !== undefined && most < (env[name] ?? 0n)) {
      throw new TabloomError('bad-setting', `${name}_MAX is below ${name}. Raise it, or leave it out.`);
    }
  }
  return { wallet: localWallet(EARN_KEY), entry: deployedChain(EARN_CHAIN) };
}

/**
 * The chain need not respond: what was admitted before is served while its view is fresh. @throws as `checkEarning` does.
 */
export async function createEarnings(init: EarningsInit): Promise<Earnings> {
  const { env, storage, clock, logger, fetch } = init;
  const { wallet, entry } = checkEarning(env);
  const { EARN_IN = 0n, EARN_OUT = 0n, EARN_IN_MAX = EARN_IN, EARN_OUT_MAX = EARN_OUT } = env;
  const price: Price = { in: EARN_IN.toString(), out: EARN_OUT.toString() };
  const priceMax: Price = { in: EARN_IN_MAX.toString(), out: EARN_OUT_MAX.toString() };
  const chain = createChain(
    { clock, fetch },
    { entry, ...(env.CHAIN_RPC_URL === undefined ? {} : { rpcUrl: env.CHAIN_RPC_URL }) },
  );
  const provider = wallet.address;
  const payee = await createPayee({
    store: createVoucherStore(storage),
    clock,
    chain,
    time: createChainTime(chain, clock),
    provider,
    providerSigner: provider,
    depositMin: env.EARN_DEPOSIT_MIN,
  });
  for (const key of payee.unreadable) logger.warn('channel-unreadable', { key });
  const policy = claimPolicyDefault;
  const address = provider.toLowerCase() as `0x${string}`;
  const till = createTill([
    {
      payee,
      perPayerMax: policy.perPayerMax,
      onOwing: () => collector.soon(),
      closing: { chain, signer: wallet },
      jobChannels: 'taken',
      payout: {
        chain: entry.id,
        provider: address,
        providerSigner: address,
        delay: delayMin,
        depositMin: env.EARN_DEPOSIT_MIN.toString(),
      },
    },
  ]);
  const collector = createCollector(
    { chain, clock, payee, vouchers: createVoucherSigner(entry), wallet, logger },
    { policy, rate: { units: env.EARN_COIN_PRICE, wei: weiPerCoin } },
  );
  const entrust = async () => {
    const { signal, clear } = startDeadline(clock, entrustTimeoutMs);
    try {
      for (const url of init.sponsorsOn?.(entry.id) ?? []) {
        const relay = createSponsorClient({ url, fetch, chain });
        const entrusting = createEntrusting({ chain, payee, signer: wallet, relay }, { feeMax: relayFeeMax });
        try {
          const { length } = await entrusting.entrust({ signal });
          if (length > 0) logger.info('entrusted', { relay: url.origin, channels: length });
          return;
        } catch (error) {
          logger.warn('entrust-failed', { relay: url.origin, code: errorCode(error) });
        }
      }
    } finally {
      clear();
    }
  };
  return {
    till,
    price,
    priceMax,
    promisedIn: async (channel) => (await payee.state(channel)).promised,
    channels: () => payee.views().map(({ id }) => id),
    chain: entry,
    start: () => void collector.start(),
    async stop() {
      await collector.stop();
      await entrust();
    },
  };
}
