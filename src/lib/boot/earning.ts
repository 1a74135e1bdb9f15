import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { afterEnd } from '#lib/pay/after-end.ts';
import type { ChainTime } from '#lib/pay/chain-time.ts';
import { unclaimed } from '#lib/pay/channel.ts';
import { createCollector } from '#lib/pay/collect.ts';
import { createEntrusting, type EntrustingComponents } from '#lib/pay/entrust.ts';
import { payError } from '#lib/pay/errors.ts';
import { createPayee } from '#lib/pay/payee.ts';
import { claimPolicyDefault } from '#lib/pay/policy.ts';
import type { Rate } from '#lib/pay/cost.ts';
import type { Till } from '#lib/pay/ports.ts';
import type { Chain, LocalWallet, VoucherStore, Wallet } from '#lib/pay/spec.ts';
import { delayMin } from '#lib/pay/terms.ts';
import { createTill } from '#lib/pay/till.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import type { EarnedView } from '#lib/state/wallet.ts';
import type { MoneyBook } from './money-book.ts';

/** How this tab is paid: it takes vouchers for its answers, and claims them on the chain while it is open. */
export interface Earning {
  readonly till: Till;
  earned(): Promise<EarnedView>;
  /** Claims what is worth its gas, and has it paid out. @throws `insufficient-gas`, `chain-unavailable`. */
  collect(): Promise<void>;
  /** Leaves what is unclaimed with the relay, as this tab may not come back. Never throws. */
  entrust(): Promise<void>;
  close(): Promise<void>;
}

export interface EarningComponents {
  readonly chain: Chain;
  readonly time: ChainTime;
  readonly clock: Clock;
  readonly store: VoucherStore;
  readonly logger: Logger;
  /** Is paid, and pays the gas of claims. */
  readonly wallet: Wallet;
  /** Agrees to close channels; a key of this browser. */
  readonly signer: LocalWallet;
  /** Claims for this tab while it sleeps; undefined where the relay does not. */
  readonly relay: EntrustingComponents['relay'] | undefined;
  /** What it may take of each claim, in units. */
  readonly relayFeeMax: bigint;
  readonly book: MoneyBook;
  readonly onChange: () => void;
}

/** Each channel costs a claim. */
const depositMin = 100_000n;
/** What a coin costs, in units of a dollar token. Coins of a local chain are worth nothing. */
const coinUnits = 4_000_000_000n;
const weiPerCoin = 10n ** 18n;
export const rateOn = ({ entry }: Pick<Chain, 'entry'>): Rate => ({
  units: entry.isLocal ? 0n : coinUnits,
  wei: weiPerCoin,
});
/** A tab that is killed says nothing: what it earned is left with the relay now and then as well. */
const entrustEveryMs = 10 * 60_000;

export async function openEarning(components: EarningComponents): Promise<Earning> {
  const { chain, time, clock, store, logger, wallet, signer, relay, relayFeeMax, book, onChange } = components;
  const payee = await createPayee({
    store,
    clock,
    chain,
    time,
    provider: wallet.address,
    providerSigner: signer.address,
    depositMin,
  });
  const lower = (address: string) => address.toLowerCase() as `0x${string}`;
  const till = createTill([
    {
      payee,
      perPayerMax: claimPolicyDefault.perPayerMax,
      onOwing: () => collector.soon(),
      closing: { chain, signer },
      payout: {
        chain: chain.entry.id,
        provider: lower(wallet.address),
        providerSigner: lower(signer.address),
        delay: delayMin,
        depositMin: depositMin.toString(),
      },
    },
  ]);
  const collector = createCollector(
    { chain, clock, payee, vouchers: createVoucherSigner(chain.entry), wallet, logger },
    { policy: claimPolicyDefault, rate: rateOn(chain) },
  );
  /** A wallet of the browser would ask its owner at a time nobody expects. */
  const startCollecting = () => {
    if (wallet.type === 'local') void collector.start();
  };
  if (payee.views().length > 0) startCollecting();
  const entrusting = relay && createEntrusting({ chain, payee, signer, relay }, { feeMax: relayFeeMax });
  let entrustedAt = clock.elapsed();
  const entrust = async () => {
    entrustedAt = clock.elapsed();
    await entrusting?.entrust().catch((error: unknown) => logger.warn('entrust-failed', { code: errorCode(error) }));
  };
  const onEarned = () => {
    onChange();
    if (clock.elapsed() - entrustedAt >= entrustEveryMs) void entrust();
  };
  const opened: Till = {
    ...till,
    async open(payment, job, options) {
      const receivable = await till.open(payment, job, options);
      startCollecting();
      return receivable;
    },
  };
  return {
    till: withEarnings(opened, book, onEarned),
    async earned() {
      const waiting = payee.views().reduce((sum, { state }) => sum + unclaimed(state), 0n);
      return { unclaimed: waiting, owed: await chain.owed(wallet.address) };
    },
    async collect() {
      if ((await chain.coinBalance(wallet.address)) === 0n) throw payError('insufficient-gas');
      await collector.round();
    },
    entrust,
    async close() {
      await collector.stop();
    },
  };
}

/** The till, which notes down what each answer earned. */
const withEarnings = (till: Till, book: MoneyBook, onChange: () => void): Till => ({
  ...till,
  async open(payment, job, options) {
    return afterEnd(await till.open(payment, job, options), (units) => {
      if (units === 0n) return;
      void book.note({ type: 'answer-earned', units, hash: undefined, model: job.model }).then(onChange, onChange);
    });
  },
});
