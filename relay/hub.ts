import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createLibp2pNet, type Libp2pNetOptions } from '#lib/net/libp2p/net.ts';
import type { ChannelId } from '#lib/pay/spec.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { jobRefusal } from '#lib/peer/serve/admit.ts';
import { createPeer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Price } from '#lib/protocol/price.ts';
import { createEarnings } from './earnings.ts';
import { createHubModel, type HubEngineInit } from './hub/engine.ts';
import { createHubIncome } from './hub/income.ts';
import { createLegs } from './hub/legs.ts';
import { followOffers, resoldIn } from './hub/offers.ts';
import { incomeAccount, type IncomeBook } from './ledger/incomes.ts';
import type { EarningEnv } from './settings/earning.ts';
import type { HubEnv } from './settings/hub.ts';
import type { SpendingEnv } from './settings/spending.ts';
import type { Spender } from './spending.ts';
import type { SqliteStorage } from './storage/sqlite.ts';

/** A peer of this relay that sells the models of others: peers pay it, and it pays providers, both by the chunk. */
export interface Hub {
  readonly self: PeerId;
  /** Lets running answers finish until the signal aborts. Idempotent. */
  stop(options: AbortOptions): Promise<void>;
}

type Env = HubEnv & SpendingEnv & EarningEnv & { readonly CHAIN_RPC_URL?: string | undefined };

export interface HubInit {
  readonly env: Env;
  /** Of the hub alone, with its vouchers. Closed at the end. */
  readonly storage: SqliteStorage;
  readonly seed: Uint8Array;
  readonly net: Pick<Libp2pNetOptions, 'relays' | 'local'>;
  /** The gateway beside it, which pays providers itself. */
  readonly gateway: PeerId;
  readonly spender: Pick<Spender, 'purse' | 'allow' | 'creditsPerUnit'>;
  /** The books of the relay, where what providers are paid is, too. */
  readonly incomes: IncomeBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
}

/** What is wrong with the settings, before anything is opened. @throws `bad-setting`. */
export function checkHub({ SPEND_KEY, HUB_KEY, EARN_KEY }: Env): void {
  if (SPEND_KEY === undefined) throw badSetting('A hub needs SPEND_KEY, the account that providers are paid from.');
  if (HUB_KEY === undefined) throw badSetting('A hub needs HUB_KEY, the account that it is paid to.');
  const { address } = localWallet(HUB_KEY);
  for (const [name, key] of Object.entries({ SPEND_KEY, EARN_KEY })) {
    // Two tills of one account would each count the vouchers that pay the other.
    if (key !== undefined && localWallet(key).address === address)
      throw badSetting(`HUB_KEY needs an account of its own, and not that of ${name}.`);
  }
}

export async function startHub(init: HubInit): Promise<Hub> {
  const { env, storage, seed, gateway, spender, incomes, clock, random, logger, fetch } = init;
  const earnings = await createEarnings({
    env: { ...env, EARN_IN: env.HUB_IN, EARN_OUT: env.HUB_OUT, EARN_KEY: env.HUB_KEY, EARN_CHAIN: env.SPEND_CHAIN },
    storage,
    clock,
    logger,
    fetch,
  });
  const { chain: entry } = earnings;
  const note = (chain: number, channel: string, promised: bigint) =>
    incomes.note(incomeAccount(chain, channel), promised * spender.creditsPerUnit);
  // What was promised before a kill and not booked.
  for (const id of earnings.channels()) await note(entry.id, id, await earnings.promisedIn(id));
  const { promisedIn } = earnings;
  const income = createHubIncome({
    till: earnings.till,
    promisedIn: (channel) => promisedIn(channel as ChannelId),
    note,
    clock,
    logger,
  });
  const legs = createLegs({ till: income.till, purse: spender.purse, clock });
  const net = createLibp2pNet({ seed, clock, random, logger, transports: 'node', insecureDial: 'allow', ...init.net });
  const { price } = earnings;
  const peer = await createPeer({
    net,
    storage,
    clock,
    random,
    logger,
    signer: createSigner(seed),
    role: 'native',
    discovery: 'client',
    till: legs.till,
    purse: legs.purse,
    price,
    policy: (_job, asker) => (asker === gateway ? jobRefusal('refused-policy') : undefined),
  });
  const priceMax: Price = { in: below(env.HUB_IN, env.SPEND_IN, env), out: below(env.HUB_OUT, env.SPEND_OUT, env) };
  const sold = () => resoldIn(peer.directory, { priceMax, chain: env.SPEND_CHAIN });
  const engine: HubEngineInit = {
    consumer: peer.consumer,
    legs,
    clock,
    random,
    allow: (id, units) => spender.allow([id], units).end,
    jobMax: env.SPEND_JOB_MAX,
    priceMax,
    providersOf: (artefact) => sold().flatMap((one) => (one.model.artefact === artefact ? one.peer : [])),
  };
  earnings.start();
  await peer.start();
  const { directory, provider } = peer;
  const end = followOffers({ directory, provider, price, sold, load: (model) => createHubModel(model, engine), clock });
  const stop = async (signal: AbortSignal | undefined) => {
    end();
    await provider.drain(signal ? { signal } : {});
    await peer.stop();
    await income.stop();
    await earnings.stop();
    storage.close();
  };
  let stopping: Promise<void> | undefined;
  return {
    self: peer.self,
    stop: ({ signal }) => (stopping ??= stop(signal)),
  };
}

/** A provider's highest price: below the hub's by the margin. */
function below(own: bigint | undefined = 0n, most: bigint, { SPEND_MARGIN }: SpendingEnv): string {
  const share = (own * (100n - BigInt(SPEND_MARGIN))) / 100n;
  return (share < most ? share : most).toString();
}

const badSetting = (message: string): TabloomError => new TabloomError('bad-setting', message);
