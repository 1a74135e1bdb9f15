import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import { z } from 'zod';
import type { SignedWithdrawal } from './actions/announce-withdrawal.ts';
import { settle } from './actions/settle.ts';
import { withdraw } from './actions/withdraw.ts';
import { amountSchema } from './amount.ts';
import { costOfGas, readGasTerms, settleCost, type Rate } from './cost.ts';
import { payError } from './errors.ts';
import { createRounds } from './rounds.ts';
import { withdrawGas } from './sponsor.ts';
import { closedSentinel, type Chain, type ChannelTerms, type Wallet } from './spec.ts';
import { listReadable, type PayStorage } from './storage.ts';
import { channelIdOf, termsSchema } from './terms.ts';

/**
 * Finishes what a sponsor began: a payer without gas cannot send its withdrawal either, and only with that is the fee of the
 * announcement paid. What the sponsor has earned is paid out here too.
 */
export interface SponsoredExits extends Startable {
  /** Remembers an announcement that is about to be sent. @throws `sponsor-limit` where there are too many. */
  remember(signed: SignedWithdrawal): Promise<void>;
  /** One round; what fails is tried again in the next. */
  round(options?: AbortOptions): Promise<void>;
}

export interface SponsoredExitsComponents {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly wallet: Wallet;
  readonly storage: PayStorage;
  readonly logger: Logger;
}

const prefix = 'sponsored-exit/';
const exitsMax = 1_000;
/** One whose announcement never came to the chain is forgotten, in seconds. */
const forgottenAfter = 24 * 3_600;
/** What was earned is paid out when that costs at most this part of it. */
const settleWorth = 20n;

const recordSchema = z.object({ terms: termsSchema, fee: amountSchema, at: z.number() });

export function createSponsoredExits(
  { chain, clock, wallet, storage, logger }: SponsoredExitsComponents,
  { rate, intervalMs = 10 * 60_000 }: { readonly rate: Rate; readonly intervalMs?: number },
): SponsoredExits {
  const list = async () => {
    const { records, unreadable } = await listReadable(storage, { prefix, limit: exitsMax }, (_, value) =>
      recordSchema.parse(value),
    );
    if (unreadable.length > 0) logger.warn('sponsored-exits-unreadable', { keys: unreadable });
    return records;
  };
  const finish = async ({ terms, fee, at }: Exit, now: number, options: AbortOptions) => {
    const id = channelIdOf(terms);
    const { withdrawableAt, balance, claimed } = await chain.channel(id, options);
    const isGone = withdrawableAt === closedSentinel || (withdrawableAt === 0 && now - at > forgottenAfter);
    if (isGone) return storage.delete('pay', prefix + id);
    if (withdrawableAt === 0 || now < withdrawableAt) return;
    const left = balance - claimed;
    const gas = await readGasTerms(chain, rate, options);
    // Vouchers came first. What is left does not pay for this, and the payer can still withdraw by itself.
    if ((fee < left ? fee : left) < costOfGas(withdrawGas, 1, gas)) return;
    await withdraw(chain, wallet, terms, options);
    await storage.delete('pay', prefix + id);
  };
  const round = async (options: AbortOptions = {}) => {
    const { timestamp } = await chain.head(options);
    for (const exit of await list()) {
      await finish(exit, timestamp, options).catch((error: unknown) => {
        if (options.signal?.aborted) throw error;
        logger.warn('sponsored-exit-failed', { code: errorCode(error), channelId: channelIdOf(exit.terms) });
      });
    }
    const owed = await chain.owed(wallet.address, options);
    const worth = settleCost(await readGasTerms(chain, rate, options)) * settleWorth;
    if (owed > 0n && owed >= worth) await settle(chain, wallet, wallet.address, options);
  };
  const rounds = createRounds({ clock, logger }, { event: 'sponsor-round-failed', intervalMs, round });
  return {
    async remember({ terms, sponsorship }) {
      const kept = await storage.list('pay', { prefix, limit: exitsMax });
      if (kept.length >= exitsMax) throw payError('sponsor-limit');
      const { timestamp } = await chain.head();
      const record = { terms, fee: (sponsorship?.fee ?? 0n).toString(), at: timestamp };
      await storage.put('pay', prefix + channelIdOf(terms), record);
    },
    round: (options = {}) => round(options),
    start: () => rounds.start(),
    stop: () => rounds.stop(),
  };
}

interface Exit {
  readonly terms: ChannelTerms;
  readonly fee: bigint;
  readonly at: number;
}
