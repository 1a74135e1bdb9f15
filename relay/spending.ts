import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { channelUnitsMax } from '#lib/pay/amount.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { createExit } from '#lib/pay/exit.ts';
import { createPayer } from '#lib/pay/payer.ts';
import type { Purse } from '#lib/pay/ports.ts';
import { createPurse } from '#lib/pay/purse.ts';
import { createRounds } from '#lib/pay/rounds.ts';
import { closedSentinel, type Chain } from '#lib/pay/spec.ts';
import { isJob } from '#lib/pay/terms.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createSessionKey, listSessionKeys, type SessionKey } from '#lib/pay/wallet/session-key.ts';
import type { ConsumerComponents } from '#lib/peer/ask/consume.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { createAllowances, type Allowances } from './allowances.ts';
import { channelAccount, type SpendBook } from './ledger/spends.ts';
import { createJobEscrows, type JobEscrows } from './job-escrows.ts';
import type { SpendingEnv } from './settings/spending.ts';
import { creditDecimals } from './credit-amount.ts';

/** The purse of a gateway, on one chain. */
export interface Spender {
  /** Pays for nothing but what has been allowed. */
  readonly purse: Purse;
  readonly allow: Allowances['allow'];
  /** What a canary may cost, out of the levy; undefined where nothing is left. */
  readonly payCanary: NonNullable<ConsumerComponents['payCanary']>;
  /** Jobs that wallets set money of their own aside for. */
  readonly escrows: JobEscrows;
  readonly chain: Chain;
  /** Micro-credits that a unit of the token is. */
  readonly creditsPerUnit: bigint;
  /** Leaves channels that are paid from no more, and withdraws what is due, from now on. */
  start(): void;
  stop(): Promise<void>;
}

export interface SpenderInit {
  readonly env: SpendingEnv & {
    readonly CHAIN_RPC_URL?: string | undefined;
    readonly EARN_KEY?: string | undefined;
    readonly CREDITS_KEY?: string | undefined;
  };
  /** Where keys and vouchers are kept. They are money. */
  readonly storage: KeyValue;
  readonly book: SpendBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
}

/** A deposit is for so many jobs of one budget. */
const jobsPerDeposit = 8n;
/** A key signs for a year, and another takes its place at a start in its last quarter. */
const keySeconds = 365 * 86_400;
const keyRestSeconds = keySeconds / 4;
const leaveMs = 10 * 60_000;

/** What is wrong with the settings, before anything is opened. @throws `bad-setting`, `chain-unknown`. */
export function checkSpending({ SPEND_KEY, SPEND_CHAIN, EARN_KEY, CREDITS_KEY }: SpenderInit['env']) {
  if (SPEND_KEY === undefined) throw badSetting('Paying providers needs SPEND_KEY.');
  const wallet = localWallet(SPEND_KEY);
  for (const [name, key] of Object.entries({ EARN_KEY, CREDITS_KEY })) {
    // Two that send for one account would take each other's nonces.
    if (key !== undefined && localWallet(key).address === wallet.address)
      throw badSetting(`SPEND_KEY needs an account of its own, and not that of ${name}.`);
  }
  return { wallet, entry: deployedChain(SPEND_CHAIN) };
}

/** The chain need not respond, until something is paid. @throws as `checkSpending` does, and what the storage throws. */
export async function createSpender(init: SpenderInit): Promise<Spender> {
  const { env, storage, book, clock, random, logger, fetch } = init;
  const { wallet, entry } = checkSpending(env);
  const rpc = env.CHAIN_RPC_URL === undefined ? {} : { rpcUrl: env.CHAIN_RPC_URL };
  const chain = createChain({ clock, fetch }, { entry, ...rpc });
  const time = createChainTime(chain, clock);
  const keys = await sessionKeys(storage, { clock, random, logger });
  const [key] = keys;
  const payer = await createPayer({ store: createVoucherStore(storage), clock, chain, time, key });
  for (const unreadable of payer.unreadable) logger.warn('channel-unreadable', { key: unreadable });

  const creditsPerUnit = 10n ** BigInt(creditDecimals - entry.token.decimals);
  const promised = new Map<string, bigint>();
  for (const { id } of payer.list()) {
    promised.set(channelAccount(entry.id, id), (await payer.state(id)).promised * creditsPerUnit);
  }
  const recovered = await book.recover(promised);
  if (recovered > 0) logger.warn('spends-recovered', { payments: recovered });

  const purse = createPurse(
    { chains: [{ chain, time, payer, wallet, sender: wallet }], random },
    {
      perJobMax: env.SPEND_JOB_MAX,
      perProviderMax: env.SPEND_PROVIDER_MAX,
      depositsMax: env.SPEND_DEPOSITS_MAX,
      sponsorFeeMax: 0n,
      jobsPerDeposit,
    },
  );
  const allowances = createAllowances({ purse, book, creditsPerUnit, clock, logger });
  const exits = keys.map((one) =>
    createExit({ chain, clock, time, payer, signer: localWallet(one.privateKey), sender: wallet, logger }),
  );
  const escrows = await createJobEscrows({
    chain,
    time,
    payer,
    wallet,
    storage,
    creditsPerUnit,
    clock,
    logger,
  });
  const isLeft = (signer: string) => env.SPEND_JOB_MAX === 0n || signer !== key.address;
  const leaving = createRounds(
    { clock, logger },
    {
      event: 'leave-round-failed',
      intervalMs: leaveMs,
      async round(options) {
        for (const { id, terms, seen } of payer.list()) {
          const of = keys.findIndex(({ address }) => address === terms.payerSigner);
          // Neither closed, nor on its way there, nor never opened.
          const isOpen = seen.withdrawableAt === 0 && seen.balance > 0n && seen.withdrawableAt !== closedSentinel;
          if (of >= 0 && isOpen && !isJob(terms) && isLeft(terms.payerSigner)) await exits[of]!.leave(id, options);
        }
      },
    },
  );
  return {
    purse: {
      open: (payout, job, options) =>
        (escrows.pays(job.id) ? escrows.purse : allowances.purse).open(payout, job, options),
    },
    escrows,
    chain,
    allow: allowances.allow,
    async payCanary(id) {
      const room = (await book.canaryRoom()) / creditsPerUnit;
      const units = room < env.SPEND_JOB_MAX ? room : env.SPEND_JOB_MAX;
      if (units === 0n) return undefined;
      const { end } = allowances.allow([id], units, 'canary');
      const priceMax = { in: env.SPEND_IN.toString(), out: env.SPEND_OUT.toString() };
      return { budget: units.toString(), priceMax, end };
    },
    creditsPerUnit,
    start() {
      void exits[0]!.start();
      void leaving.start();
      escrows.start();
    },
    async stop() {
      await escrows.stop();
      await leaving.stop();
      await exits[0]!.stop();
      await allowances.stop();
    },
  };
}

/** The one that signs from now on, and those before it, whose channels are left. */
async function sessionKeys(
  storage: KeyValue,
  { clock, random, logger }: Pick<SpenderInit, 'clock' | 'random' | 'logger'>,
): Promise<readonly [SessionKey, ...SessionKey[]]> {
  const now = Math.floor(clock.now() / 1_000);
  const { records, unreadable } = await listSessionKeys(storage);
  for (const key of unreadable) logger.warn('session-key-unreadable', { key });
  const [newest, ...older] = records.toSorted((a, b) => b.expiresAt - a.expiresAt);
  if (newest && newest.expiresAt - now > keyRestSeconds) return [newest, ...older];
  const made = { limit: channelUnitsMax, expiresAt: now + keySeconds, now };
  return [await createSessionKey({ storage, random }, made), ...records];
}

const badSetting = (message: string): TabloomError => new TabloomError('bad-setting', message);
