import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChainTime } from '#lib/pay/chain-time.ts';
import { payError } from '#lib/pay/errors.ts';
import { createExit, type ExitComponents } from '#lib/pay/exit.ts';
import { createPayer } from '#lib/pay/payer.ts';
import type { Purse, Till } from '#lib/pay/ports.ts';
import { createPurse, type PurseLimits } from '#lib/pay/purse.ts';
import type { Address, Chain, ChannelId, DeployedChain, LocalWallet, Mined } from '#lib/pay/spec.ts';
import { createSponsorClient, type SponsorClient } from '#lib/pay/sponsor-client.ts';
import { createVoucherStore } from '#lib/pay/voucher-store.ts';
import { drawKey, openBurner } from '#lib/pay/wallet/burner.ts';
import { createInjectedWallets } from '#lib/pay/wallet/injected.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { createSessionKey, listSessionKeys, readSpent, type SessionKey } from '#lib/pay/wallet/session-key.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';
import type { ChannelView, HoldingsView, WalletAccount } from '#lib/state/wallet.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { openEarning, rateOn } from './earning.ts';
import { connectedWallet } from './injected-wallet.ts';
import type { MoneyBook } from './money-book.ts';

/** The money of this browser, opened: everything that knows a chain. Loaded when somebody first has to do with money. */
export interface Money {
  readonly purse: Purse;
  readonly till: Till;
  holdings(): Promise<HoldingsView>;
  leave(channel: string): Promise<void>;
  withdraw(): Promise<void>;
  /** Claims what was earned, and has it paid out. */
  collect(): Promise<void>;
  /** Leaves what was earned and not claimed with the relay, as this tab may not come back. Never throws. */
  entrust(): Promise<void>;
  /** Ends what repeats itself. What is stored stays true, and is gone on with when it is opened again. */
  close(): Promise<void>;
}

export interface MoneyComponents {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
  /** With absolute URLs. */
  readonly payments: RelayPayments;
  readonly account: WalletAccount;
  readonly limits: PurseLimits;
  readonly book: MoneyBook;
  /** Called when an answer has been paid for or has been paid. */
  readonly onChange: () => void;
  /** Called when a wallet of the browser waits for its owner, and when it no longer does. */
  readonly onAsk: (asking: 'asking' | 'answered') => void;
  /** Asks a provider to close a channel now. */
  readonly agree: ExitComponents['agree'];
}

/** A key signs for so long, and so much in all; then the next one does. */
const keySeconds = 90 * 86_400;
const keyUnits = 100_000_000n;
/** A local chain makes a block at once. */
const localPollMs = 250;

/** @throws `chain-unknown`, `chain-unavailable`, `bad-record`, `too-many-keys`, those of the storage. */
export async function openMoney(components: MoneyComponents): Promise<Money> {
  const { storage, clock, random, logger, fetch, payments, account, limits, book, onChange, onAsk, agree } = components;
  const entry: DeployedChain = { ...deployedChain(payments.chain), rpcUrl: payments.rpc };
  const chain = withBook(
    createChain({ clock, fetch }, { entry, ...(entry.isLocal ? { limits: { pollMs: localPollMs } } : {}) }),
    book,
  );
  const time = createChainTime(chain, clock);
  const wallet =
    account.kind === 'burner'
      ? await openBurner({ storage, random })
      : connectedWallet(createInjectedWallets(entry, { fetch }), account, onAsk);
  const key = await currentKey(storage, random, await time.current(), limits.perJobMax);
  const store = createVoucherStore(storage);
  const payer = await createPayer({ store, clock, chain, time, key });
  const relay =
    payments.sponsor === undefined ? undefined : createSponsorClient({ url: new URL(payments.sponsor), fetch, chain });
  const sponsor = relay && noted(relay, book);
  const earning = await openEarning({
    chain,
    time,
    clock,
    store,
    logger,
    wallet,
    signer: wallet.type === 'local' ? wallet : await tillSigner(storage, random),
    relay,
    relayFeeMax: limits.sponsorFeeMax,
    book,
    onChange,
  });
  const readCoins = async () => {
    const coins = await chain.coinBalance(wallet.address);
    hasGas = coins > 0n;
  };
  /** A sponsor takes a fee; a wallet that has gas sends for itself. */
  let hasGas = true;
  await readCoins();
  const sender = () => (hasGas ? wallet : (sponsor ?? wallet));
  const purse = createPurse(
    {
      chains: [
        {
          chain,
          time,
          payer,
          wallet,
          rate: rateOn(chain),
          get sender() {
            return sender();
          },
        },
      ],
      random,
    },
    limits,
  );
  const exitWith = (signer: SessionKey) =>
    createExit(
      { chain, clock, time, payer, signer: localWallet(signer.privateKey), sender: sender(), logger, agree },
      { sponsorFeeMax: limits.sponsorFeeMax },
    );
  const exit = exitWith(key);
  // A wallet of the browser would ask its owner at a time nobody expects.
  if (account.kind === 'burner') void exit.start();

  const channelViews = async () => {
    const now = await time.current();
    const views = payer.list().map(async ({ id, terms }): Promise<ChannelView> => {
      const { phase, balance, promised, withdrawableAt } = await payer.view(id);
      const isDue = phase === 'withdrawing' && withdrawableAt! <= now;
      const shown = {
        unopened: 'opening',
        open: 'open',
        withdrawing: isDue ? 'due' : 'leaving',
        closed: 'closed',
      } as const;
      return {
        id,
        provider: terms.provider,
        phase: shown[phase],
        deposit: balance,
        promised,
        withdrawableAt: phase === 'withdrawing' ? withdrawableAt! : undefined,
        isRetired:
          terms.payerSigner !== payer.key.address || terms.payer !== wallet.address || now >= payer.key.expiresAt,
      };
    });
    return Promise.all(views);
  };

  return {
    purse: withCosts(purse, book, onChange),
    till: earning.till,
    async holdings() {
      const [balance, , channels, earned] = await Promise.all([
        chain.tokenBalance(wallet.address),
        readCoins(),
        channelViews(),
        earning.earned(),
      ]);
      const isFunded = ({ phase, deposit, promised, isRetired }: ChannelView) =>
        phase === 'open' && deposit > promised && !isRetired;
      const canPay = balance > 0n || channels.some(isFunded);
      return { balance, hasGas, canPay, channels, earned, readAt: clock.now() };
    },
    async leave(id) {
      const record = payer.list().find((one) => one.id === id);
      if (!record) throw payError('channel-missing', { details: { channelId: id } });
      const { records } = await listSessionKeys(storage);
      const signer = records.find(({ address }) => address === record.terms.payerSigner) ?? key;
      await exitWith(signer).leave(id as ChannelId);
    },
    async withdraw() {
      await exit.round();
    },
    collect: () => earning.collect(),
    entrust: () => earning.entrust(),
    async close() {
      await Promise.all([exit.stop(), earning.close()]);
    },
  };
}

const signerKey = 'till-signer';
const signerSchema = z.object({ privateKey: z.string() });

/** A key of this browser that agrees to close channels, for a wallet that would ask its owner each time. */
async function tillSigner(storage: KeyValue, random: Random): Promise<LocalWallet> {
  let stored = signerSchema.safeParse(await storage.get('pay', signerKey));
  if (!stored.success) {
    await storage.put('pay', signerKey, { privateKey: drawKey(random) });
    stored = signerSchema.safeParse(await storage.get('pay', signerKey));
  }
  return localWallet(stored.data!.privateKey);
}

/** The sponsor, which notes down what it has sent for this wallet. */
const noted = (sponsor: SponsorClient, book: MoneyBook): SponsorClient => ({
  ...sponsor,
  async send(action, opening, options) {
    const mined = await sponsor.send(action, opening, options);
    const type = action === 'open' ? 'channel-opened' : 'channel-topped-up';
    const event = { type, units: opening.amount, hash: mined.hash, model: undefined } as const;
    await book.note(event).catch(() => undefined);
    return mined;
  },
  async announce(withdrawal, options) {
    const mined = await sponsor.announce(withdrawal, options);
    const event = { type: 'withdrawal-announced', units: undefined, hash: mined.hash, model: undefined } as const;
    await book.note(event).catch(() => undefined);
    return mined;
  },
});

/** The key that signs from now on: the one with the most time left that has room for a job, or a new one. */
async function currentKey(storage: KeyValue, random: Random, now: number, perJobMax: bigint): Promise<SessionKey> {
  const { records } = await listSessionKeys(storage);
  for (const key of records.toSorted((a, b) => b.expiresAt - a.expiresAt)) {
    if (key.expiresAt <= now + 86_400) break;
    if ((await readSpent(storage, key.address)) + perJobMax <= key.limit) return key;
  }
  const limit = keyUnits > perJobMax ? keyUnits : perJobMax;
  return createSessionKey({ storage, random }, { limit, expiresAt: now + keySeconds, now });
}

/** The chain, which notes down every transaction that this wallet has sent. */
const withBook = (chain: Chain, book: MoneyBook): Chain => ({
  ...chain,
  async transact(wallet, call, options) {
    const mined = await chain.transact(wallet, call, options);
    await noteMined(book, mined, wallet.address).catch(() => undefined);
    return mined;
  },
});

async function noteMined(book: MoneyBook, { hash, events }: Mined, self: Address): Promise<void> {
  for (const event of events) {
    const note = (type: Parameters<MoneyBook['note']>[0]['type'], units?: bigint) =>
      book.note({ type, units, hash, model: undefined });
    if (event.type === 'opened') await note('channel-opened', event.amount);
    if (event.type === 'topped-up') await note('channel-topped-up', event.amount);
    if (event.type === 'withdrawal-announced') await note('withdrawal-announced');
    if (event.type === 'closed') await note('withdrawn', event.returned);
    if (event.type === 'claimed') await note('claimed');
    if (event.type === 'settled' && event.payee === self) await note('paid-out', event.amount);
  }
}

/** The purse, which notes down what each answer cost in the end. */
const withCosts = (purse: Purse, book: MoneyBook, onChange: () => void): Purse => ({
  channels: purse.channels,
  async open(payout, job, options) {
    const payment = await purse.open(payout, job, options);
    let isNoted = false;
    return {
      chain: payment.chain,
      terms: payment.terms,
      channelId: payment.channelId,
      promise: (total) => payment.promise(total),
      promised: () => payment.promised(),
      end(channel) {
        payment.end(channel);
        if (isNoted || payment.promised() === 0n) return;
        isNoted = true;
        const spent = { type: 'answer-paid', units: payment.promised(), hash: undefined, model: undefined } as const;
        void book.note(spent).then(onChange, onChange);
      },
    };
  },
});
