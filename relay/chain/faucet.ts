import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { mintTokens } from '#lib/pay/chain/local.ts';
import { parseAddress } from '#lib/pay/input.ts';
import type { Address, Chain, Wallet } from '#lib/pay/spec.ts';
import type { Faucet } from '../gateway/payments.ts';

export interface FaucetComponents {
  readonly chain: Chain;
  readonly clock: Clock;
  /** Sends the tokens. */
  readonly wallet: Wallet;
  /** Gives an account coins, as only a local chain lets anybody. */
  readonly setCoins: (address: Address, wei: bigint, options?: AbortOptions) => Promise<void>;
}

/** 1,000 dollars, and a coin. */
export const gift = { units: 1_000_000_000n, wei: 10n ** 18n } as const;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** In a day, over all addresses. */
const giftsPerDayMax = 1_000;
const waitingMax = 16;

/** Gives test money on a local chain: tokens, and coins for gas. */
export function createFaucet({ chain, clock, wallet, setCoins }: FaucetComponents): Faucet {
  /** When each address had its last, of the last day. */
  const given = new Map<Address, number>();
  const turns = createMutex();

  const check = (address: Address) => {
    const now = clock.now();
    for (const [each, at] of given) if (now - at >= dayMs) given.delete(each);
    const wait = (given.get(address) ?? -hourMs) + hourMs - now;
    if (wait > 0) throw dry('This address had test money within the hour. Try again later.', wait);
    if (given.size >= giftsPerDayMax)
      throw dry('The faucet has given what it gives in a day. Try again later.', hourMs);
  };
  const fill = async (address: Address, options: AbortOptions) => {
    if ((await chain.coinBalance(address, options)) < gift.wei) await setCoins(address, gift.wei, options);
  };

  return {
    async give(text, options = {}) {
      const address = parseAddress('address', text);
      if (turns.pending >= waitingMax) {
        throw new TabloomError('gateway-busy', 'The faucet gives as much as it can. Try again in a second.');
      }
      return turns.run(async () => {
        check(address);
        for (const account of [wallet.address, address]) await fill(account, options);
        await mintTokens(chain, wallet, { to: address, units: gift.units }, options);
        given.delete(address);
        given.set(address, clock.now());
        return { amount: gift.units };
      });
    },
  };
}

/** Whole sentences: pages say them in other languages. */
const dry = (message: string, retryAfterMs: number): TabloomError =>
  new TabloomError('faucet-dry', message, { details: { retryAfterMs } });
