import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError, toErrorRecord } from '#lib/base/errors.ts';
import { createLive, type MutableLive } from '#lib/base/live.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { loadPart } from '#lib/base/part.ts';
import type { Random } from '#lib/base/random.ts';
import { isInOrder } from '#lib/market/queue-price.ts';
import { chainEntry } from '#lib/pay/chain-entry.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { Purse, Till } from '#lib/pay/ports.ts';
import type { PurseLimits } from '#lib/pay/purse.ts';
import { isFree } from '#lib/protocol/charge-of.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';
import type { AskedPrice, Settings } from '#lib/state/settings.ts';
import type { WalletAccount, WalletAction, WalletChainView, WalletPort, WalletView } from '#lib/state/wallet.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { Money, MoneyComponents } from './money.ts';
import type { MoneyBook } from './money-book.ts';

/** The wallet as the rest of the tab knows it. What knows a chain is loaded when money is first needed. */
export interface WalletKeeper {
  readonly view: MutableLive<WalletView>;
  /** Opens the wallet when a job has to be paid for. */
  readonly purse: Purse;
  /** Where the answers of this tab are paid; closed, without a payout, until a price is prepared for. */
  readonly till: Till;
  readonly earner: Earner;
  readonly port: WalletPort;
  /** What the page's relay says of payments. */
  notePayments(payments: RelayPayments | undefined): void;
  /** Whether this tab holds the device's key, and may open the wallet. */
  noteLock(held: boolean): void;
  /** Closes the wallet: another tab may then open it. */
  close(): Promise<void>;
}

/** What sharing has to know of money. */
export interface Earner {
  /** Opens the till if one of these prices needs it. @throws `bad-price-range`, `no-chain`, `wallet-elsewhere`, `no-account`, those of opening. */
  prepare(prices: Settings['prices']): Promise<void>;
  /** What others pay for this model; `closed` while it has a price and no till, or a range whose ends are not in order. */
  priceOf(model: string): AskedPrice | 'free' | 'closed';
  /** Leaves what was earned with the relay, as this tab may not come back: nothing if nothing was. */
  entrust(): void;
}

export interface WalletComponents {
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
  readonly settings: () => Settings;
  /** Asks a provider that is there to close a channel now. */
  readonly agree: MoneyComponents['agree'];
  /** What knows a chain. */
  readonly load?: () => Promise<typeof import('./money-parts.ts')>;
}

/** How long a price waits for the relay to name its chain. */
const relayTimeoutMs = 10_000;
const accountKey = 'account';
const accountSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('burner'), address: z.string() }),
  z.object({ kind: z.literal('injected'), id: z.string().max(256), name: z.string().max(256), address: z.string() }),
]);

export async function keepWallet(components: WalletComponents): Promise<WalletKeeper> {
  const { storage, clock, random, logger, fetch, settings, agree } = components;
  const parts = () => loadPart(components.load ?? (() => import('./money-parts.ts')));
  const stored = accountSchema.safeParse(await storage.get('pay', accountKey).catch(() => undefined));
  let payments: RelayPayments | undefined;
  let isHeld = false;
  let opening: Promise<{ readonly money: Money; readonly book: MoneyBook }> | undefined;
  let till: Till | undefined;
  let channels: Purse['channels'];
  const known = Promise.withResolvers<void>();
  const choices = createMutex();
  const view = createLive<WalletView>({
    phase: 'starting',
    chain: undefined,
    account: stored.success ? stored.data : undefined,
    found: [],
    holdings: undefined,
    days: [],
    history: [],
    pending: undefined,
    asks: false,
    error: undefined,
  });

  const showPhase = (isKnown = view.current.phase !== 'starting') => {
    const { chain, account } = view.current;
    const phase = !isKnown ? 'starting' : !chain ? 'no-chain' : !isHeld ? 'elsewhere' : account ? 'ready' : 'none';
    view.change({ phase });
  };
  const needPayments = (): RelayPayments => {
    if (!payments) throw new TabloomError('no-chain', 'The relay of this page names no chain to pay on.');
    if (!isHeld)
      throw new TabloomError(
        'wallet-elsewhere',
        'Another tab of this browser has the wallet. Use it there, or take it over.',
      );
    return payments;
  };
  const limits: PurseLimits = {
    get perJobMax() {
      return BigInt(settings().payPerAnswer);
    },
    get perProviderMax() {
      return BigInt(settings().payPerProvider);
    },
    get depositsMax() {
      return BigInt(settings().payInChannels);
    },
    jobsPerDeposit: 20n,
    sponsorFeeMax: 50_000n,
  };

  const close = async () => {
    const closing = opening;
    opening = undefined;
    till = undefined;
    channels = undefined;
    await closing?.then(({ money }) => money.close()).catch(() => undefined);
  };
  /** Opened once; a failure is forgotten, so that the next call tries again. */
  const opened = () => {
    const named = needPayments();
    const { account } = view.current;
    if (!account)
      throw new TabloomError('no-account', 'No wallet has been chosen in this browser. Choose one on the Wallet page.');
    const mine = (opening ??= open(named, account));
    void mine.then(
      ({ money }) => {
        if (opening !== mine) return;
        till = money.till;
        channels = money.purse.channels;
      },
      () => {
        if (opening === mine) opening = undefined;
      },
    );
    return mine;
  };
  const onChange = () => void show().catch(() => undefined);
  const open = async (named: RelayPayments, account: WalletAccount) => {
    const { openMoney, createMoneyBook } = await parts();
    const book = createMoneyBook({ storage, clock, random, chain: named.chain });
    const money = await openMoney({
      storage,
      clock,
      random,
      logger,
      fetch,
      payments: named,
      account,
      limits,
      book,
      onChange,
      agree,
      onAsk: (asking) => view.change({ asks: asking === 'asking' }),
    });
    return { money, book };
  };
  const show = async () => {
    const { money, book } = await opened();
    const [holdings, days, history] = await Promise.all([money.holdings(), book.days(), book.history()]);
    view.change({ holdings, days, history });
  };
  /** Shows why it failed, until it succeeds. */
  const noting = async <T>(action: WalletAction, work: () => Promise<T>): Promise<T> => {
    try {
      const done = await work();
      if (view.current.error?.action === action) view.change({ error: undefined });
      return done;
    } catch (error) {
      if (errorCode(error) !== 'aborted') view.change({ error: { ...toErrorRecord(error), action } });
      throw error;
    }
  };
  /** Shows what is being done, too. */
  const act = async <T>(action: WalletAction, work: () => Promise<T>): Promise<T> => {
    const pending = { action, since: clock.now() };
    view.change({ pending, ...(action === 'refresh' ? {} : { error: undefined }) });
    try {
      return await noting(action, work);
    } finally {
      if (view.current.pending === pending) view.change({ pending: undefined });
    }
  };
  const priceOf = (model: string): AskedPrice | undefined => {
    const { prices } = settings();
    const price = Object.hasOwn(prices, model) ? prices[model] : prices['*'];
    return price && !isGift(price) ? price : undefined;
  };
  /**
   * Where answers are paid for, what there is to pay with is known before the first question; and where they are sold, what was
   * earned is claimed.
   */
  const lookAhead = () => {
    const { payAnswers, prices } = settings();
    if (view.current.phase === 'ready' && (payAnswers || Object.keys(prices).length > 0)) onChange();
  };
  const choose = (make: (named: RelayPayments) => Promise<WalletAccount>) =>
    choices.run(() =>
      act('choose', async () => {
        const account = await make(needPayments());
        await close();
        await storage.put('pay', accountKey, account);
        view.change({ account, holdings: undefined });
        showPhase();
        await show();
      }),
    );
  const doing = (action: WalletAction, work: (money: Money, book: MoneyBook) => Promise<unknown>) =>
    act(action, async () => {
      const { money, book } = await opened();
      try {
        await work(money, book);
      } finally {
        await show().catch(() => undefined);
      }
    });

  return {
    view,
    purse: {
      async open(payout, job, options) {
        const { money } = await opened();
        return noting('pay', () => money.purse.open(payout, job, options));
      },
      channels: {
        ready: async () => opened(),
        to: (payout, budget) => channels?.to(payout, budget) ?? 'none',
        costs: (chain) => channels?.costs(chain),
      },
    },
    till: {
      get payouts() {
        return till?.payouts ?? [];
      },
      get agree() {
        return till?.agree;
      },
      open: async (payment, job, options) => (await opened()).money.till.open(payment, job, options),
    },
    earner: {
      async prepare(prices) {
        if (!Object.values(prices).every(isSound)) {
          throw new TabloomError(
            'bad-price-range',
            'The price of a full queue is below that of an empty one. Raise it, or leave it out.',
          );
        }
        if (Object.values(prices).every(isGift)) return;
        // Sharing may resume with the page, before its relay has said anything.
        await withTimeout(known.promise, clock, relayTimeoutMs).catch(() => undefined);
        await act('set-price', opened);
      },
      priceOf: (model) => {
        const price = priceOf(model);
        if (!price) return 'free';
        return till && isSound(price) ? price : 'closed';
      },
      entrust() {
        // A wallet that is not open has earned nothing since what it had was left.
        if (till) void opening?.then(({ money }) => money.entrust()).catch(() => undefined);
      },
    },
    notePayments(named) {
      if (JSON.stringify(named) === JSON.stringify(payments) && view.current.phase !== 'starting') return;
      payments = named;
      known.resolve();
      void close();
      view.change({ chain: named && chainViewOf(named), holdings: undefined });
      showPhase(true);
      lookAhead();
    },
    noteLock(held) {
      isHeld = held;
      if (!held) void close();
      showPhase();
      lookAhead();
    },
    close,
    port: {
      view,
      async refresh() {
        if (view.current.phase === 'ready') await act('refresh', show);
      },
      look: () => {
        let end: (() => void) | undefined;
        let isOver = false;
        const named = payments;
        if (!named) return () => undefined;
        void parts().then(
          ({ watchInjected }) => {
            if (!isOver) end = watchInjected(named, { fetch }, (found) => view.change({ found }));
          },
          () => undefined,
        );
        return () => {
          isOver = true;
          end?.();
        };
      },
      useBurner: () =>
        choose(async () => ({
          kind: 'burner',
          address: (await (await parts()).openBurner({ storage, random })).address,
        })),
      importBurner: (key) =>
        choose(async () => {
          const { importBurner } = await parts();
          return { kind: 'burner', address: (await importBurner({ storage, random }, key.trim())).address };
        }),
      exportBurner: () =>
        act('export', async () => (await (await parts()).openBurner({ storage, random })).exportKey()),
      connect: (id) => choose(async (named) => (await parts()).connectInjected(named, id, { fetch })),
      askFaucet: () =>
        doing('faucet', async (_, book) => {
          const { faucet } = needPayments();
          const { account } = view.current;
          const units = await (await parts()).askFaucet(faucet, account!.address, { fetch });
          await book.note({ type: 'faucet', units, hash: undefined, model: undefined });
        }),
      leave: (channel) => doing('leave', (money) => money.leave(channel)),
      withdraw: () => doing('withdraw', (money) => money.withdraw()),
      collect: () => doing('collect', (money) => money.collect()),
    },
  };
}

const isGift = (price: AskedPrice): boolean => isFree(price) && isFree(price.full ?? price);
const isSound = (price: AskedPrice): boolean => isInOrder({ idle: price, full: price.full ?? price });

function chainViewOf({ chain, faucet, sponsor }: RelayPayments): WalletChainView | undefined {
  const entry = chainEntry(chain);
  if (!entry) return undefined;
  const { id, name, isLocal, explorerUrl, token } = entry;
  return {
    id,
    name,
    isLocal,
    explorerUrl,
    symbol: token.symbol,
    hasFaucet: faucet !== undefined,
    hasSponsor: sponsor !== undefined,
  };
}
