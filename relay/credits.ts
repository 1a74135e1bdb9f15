import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { createPermitCollector } from '#lib/pay/chain/permits.ts';
import { createTransferCollector, paymentChain, type AuthorizedTransfer } from '#lib/pay/chain/transfers.ts';
import { createPaymentDoor, withFurtherTerms } from '#lib/pay/payment-door.ts';
import type { Address } from '#lib/pay/spec.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import type { Usage } from '#lib/protocol/part.ts';
import { creditDecimals } from './credit-amount.ts';
import type { Credits } from './gateway/credits.ts';
import type { CreditBook } from './ledger/credits.ts';
import type { PurchaseRow } from './ledger/database.ts';
import { walletAccount } from './ledger/ledger.ts';
import { ledgerUnavailable } from './ledger/unavailable.ts';
import type { PermitBook } from './ledger/permits.ts';
import { createMeteredTill } from './metered-calls.ts';
import type { RelayEnv } from './settings/commands.ts';

/** The gateway's credits, over the ledger and a chain. */
export interface CreditShop extends Credits {
  /** What a job costs whose payer pays for it alone, on the chain: rounded up to the token's unit. */
  costOnChain(usage: Usage): bigint;
  /** Collects what was left when the relay last stopped, and whatever a silent chain leaves open from now on. */
  start(): void;
}

export interface CreditShopInit {
  readonly env: Pick<
    RelayEnv,
    'PRICE_IN' | 'PRICE_OUT' | 'CREDITS_CHAIN' | 'CREDITS_PAYEE' | 'CREDITS_KEY' | 'CHAIN_RPC_URL' | 'PUBLIC_URL'
  >;
  readonly book: CreditBook;
  readonly permits: PermitBook;
  /** What tells this ledger from others on the chain, 32 bytes. */
  readonly mark: () => Promise<`0x${string}`>;
  /** Of its challenges; see `challengeSecret`. */
  readonly secret: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
}

const tokensPerPrice = 1_000_000n;
const sweepMs = 60_000;
const sweepMax = 100;

/** After these a payment is not tried again; whoever wants to pay signs another. */
const finalFailures: ReadonlySet<string> = new Set([
  'authorization-used',
  'authorization-expired',
  'insufficient-funds',
  'bad-signature',
  'token-refused',
]);

/** @throws `bad-setting` where what a price needs is missing, `chain-unknown`. */
export function createCreditShop(init: CreditShopInit): CreditShop {
  const { env, book, permits, mark, secret, clock, logger, fetch, signal } = init;
  const price = { in: env.PRICE_IN ?? 0n, out: env.PRICE_OUT ?? 0n };
  const { CREDITS_PAYEE: payTo, CREDITS_KEY: key } = env;
  const entry = paymentChain(env.CREDITS_CHAIN);
  if (payTo === undefined) throw badSetting('A price needs CREDITS_PAYEE, the address that is paid.');
  if (key === undefined) throw badSetting('A price needs CREDITS_KEY, which pays the gas of what it collects.');

  const unitsPerTokenUnit = 10n ** BigInt(creditDecimals - entry.token.decimals);
  const roundUp = (units: bigint) => (units + unitsPerTokenUnit - 1n) / unitsPerTokenUnit;
  const chain = { entry, rpcUrl: env.CHAIN_RPC_URL, wallet: localWallet(key), turns: createMutex(), clock, fetch };
  const ledger = () =>
    mark().catch((error: unknown) => {
      throw ledgerUnavailable(error);
    });
  const collector = createTransferCollector({ ...chain, ledger });
  const cost = ({ tokensIn, tokensOut }: Usage) =>
    (BigInt(tokensIn) * price.in + BigInt(tokensOut) * price.out + tokensPerPrice - 1n) / tokensPerPrice;
  const costOnChain = (usage: Usage) => roundUp(cost(usage)) * unitsPerTokenUnit;
  const metered = createMeteredTill({
    entry,
    payTo: payTo as Address,
    collector: createPermitCollector(chain),
    book: permits,
    costOnChain,
    unitsPerTokenUnit,
    clock,
    logger,
    signal,
  });
  const door = createPaymentDoor({
    entry,
    payTo: payTo as Address,
    secret,
    realm: env.PUBLIC_URL?.host ?? 'tabloom',
  });

  const shop: CreditShop = {
    price,
    chain: { id: entry.id, name: entry.name, token: entry.token.symbol, payTo },
    cost,
    costOnChain,
    metered,
    balance: (address) => book.balance(walletAccount(address)),
    carries: (headers) => door.carries(headers),
    async take({ url, method, headers }, units, address, most) {
      const tokenUnits = roundUp(units);
      let begun: { readonly isNew: boolean; readonly row: PurchaseRow } | undefined;
      const ask = (carried: Headers) =>
        door.take({ url: seenUrl(url, env.PUBLIC_URL), method, headers: carried }, tokenUnits, async (transfer) => {
          const since = await collector.height();
          begun = await book
            .begin({
              id: `${entry.id}/${entry.token.address}/${transfer.from}/${transfer.nonce}`.toLowerCase(),
              account: walletAccount(address ?? transfer.from.toLowerCase()),
              units: tokenUnits * unitsPerTokenUnit,
              transfer: JSON.stringify(transfer, writeBigint),
              since,
            })
            .catch((error: unknown) => {
              throw ledgerUnavailable(error);
            });
          return { hash: await collect(begun.row) };
        });
      const taken = await ask(headers).catch(async (error: unknown) => {
        // The token is stricter than whoever has read it: a signature has a second form, which only that takes.
        if (errorCode(error) !== 'bad-signature') throw error;
        const asked = await ask(new Headers());
        return asked.type === 'required' ? { ...asked, reason: 'The token does not take its signature' } : asked;
      });
      if (taken.type === 'required') {
        const further = most && metered.terms(most);
        return further ? withFurtherTerms(taken, further) : taken;
      }
      const { isNew, row } = begun!;
      return {
        type: 'paid',
        payer: taken.payer.toLowerCase(),
        address: row.account.slice(walletAccount('').length),
        units: row.units,
        isNew,
        transaction: taken.hash,
        headers: taken.headers,
      };
    },
    start: () => void sweep().catch(() => undefined),
  };

  /** Collects and credits a payment that has been written down. */
  const collect = async (row: PurchaseRow): Promise<`0x${string}`> => {
    if (row.hash !== null) return row.hash as `0x${string}`;
    try {
      const { hash } = await collector.collect(readTransfer(row.transfer), row.since, { signal });
      await book.complete(row.id, hash);
      return hash;
    } catch (error) {
      if (finalFailures.has(errorCode(error))) await book.drop(row.id).catch(() => undefined);
      throw error;
    }
  };
  const sweep = async () => {
    for (;;) {
      await metered.collectDue().catch((error: unknown) => {
        if (!signal.aborted) logger.warn('permits-not-read', { error });
      });
      for (const row of await book.pending(sweepMax).catch(() => [])) {
        try {
          await collect(row);
          logger.info('payment-collected', { purchase: row.id });
        } catch (error) {
          if (signal.aborted) return;
          logger.warn('payment-not-collected', { purchase: row.id, error });
        }
      }
      await clock.delay(sweepMs, { signal });
    }
  };
  return shop;
}

const badSetting = (message: string): TabloomError => new TabloomError('bad-setting', message);

/** What a client has signed is the address that it asked, not the one behind a proxy. */
function seenUrl(url: string, publicUrl: URL | undefined): string {
  if (publicUrl === undefined) return url;
  const { pathname, search } = new URL(url);
  return new URL(pathname + search, publicUrl).href;
}

const amounts = ['value', 'validAfter', 'validBefore'] as const;
const writeBigint = (_: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value);

/** Of this relay's own writing. */
export function readTransfer(text: string): AuthorizedTransfer {
  const stored = JSON.parse(text) as Record<string, string>;
  for (const name of amounts) Object.assign(stored, { [name]: BigInt(stored[name]!) });
  return stored as unknown as AuthorizedTransfer;
}
