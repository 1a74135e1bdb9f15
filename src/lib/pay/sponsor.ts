import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { open, type Opening } from './actions/open.ts';
import { topUp } from './actions/top-up.ts';
import { chainLimits } from './chain/limits.ts';
import { costOfGas, readGasTerms, type Rate } from './cost.ts';
import { payError } from './errors.ts';
import { createLosses } from './losses.ts';
import type { Chain, Mined, Wallet } from './spec.ts';
import type { Sponsorship } from './sponsorship.ts';
import { parseTerms } from './terms.ts';

/** Sends deposits for payers that have tokens and no gas, for a fee that they sign. */
export interface Sponsor {
  /** What it sends for now; the fee is in units, and part of what the payer signs. @throws `relay-stopped`, `chain-unavailable`. */
  quote(options?: AbortOptions): Promise<Sponsorship>;
  /**
   * Sends an opening or a top-up by authorization.
   * @throws `wrong-relay` unless it pays this sponsor, `fee-too-small`, `contract-signer`, `relay-declined`, `relay-stopped`,
   * `relay-busy`, and those of the action.
   */
  send(kind: 'open' | 'top-up', opening: Opening, options?: AbortOptions): Promise<Mined>;
}

export interface SponsorComponents {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly wallet: Wallet;
  readonly logger: Logger;
}

export interface SponsorInit {
  /** Exchange rate between the token and the chain's coin. */
  readonly rate: Rate;
  /** Failed transactions a day; then it stops, and says so. */
  readonly lossesPerDayMax?: number;
}

/** Gas of a sponsored opening, rounded up from contracts/gas.json, and its size in bytes as channels of a batch. */
const openingGas = 140_000n;
const openingChannels = 1;
/** Deposits that may wait for their turn. */
const waitingMax = 16;

/** @see {@link createLosses} for what it can lose: the payer may move its tokens away between the estimate and the block. */
export function createSponsor(
  { chain, clock, wallet, logger }: SponsorComponents,
  { rate, lossesPerDayMax = 20 }: SponsorInit,
): Sponsor {
  const losses = createLosses(clock, { perDayMax: lossesPerDayMax });
  /** One at a time: of several deposits of one payer each could look good by itself, and all but one fail. */
  const turns = createMutex();
  const costOf = async (gas: bigint, options: AbortOptions) =>
    costOfGas((gas * chainLimits.gasPercent) / 100n, openingChannels, await readGasTerms(chain, rate, options));

  const check = async ({ terms, deposit }: Opening, options: AbortOptions) => {
    const { payer } = parseTerms(terms);
    losses.check(payer);
    // What the token's own code accepts as this account's signature may change, and may cost any amount of gas to check.
    if (await chain.hasCode(payer, options)) throw payError('contract-signer', { details: { signer: payer } });
    const offered = deposit.type === 'authorization' ? deposit.sponsorship : undefined;
    if (offered?.sponsor !== wallet.address) {
      throw payError('wrong-relay', { details: { expected: wallet.address, given: offered?.sponsor } });
    }
    return { payer, fee: offered.fee };
  };
  /** The chain, sending only what its fee pays for by the node's estimate, which also bounds the gas it is given. */
  const paying = (fee: bigint): Chain => ({
    ...chain,
    async transact(sender, call, options = {}) {
      const required = await costOf(await chain.estimateGas(sender.address, call, options), options);
      if (fee < required) throw payError('fee-too-small', { details: { required, offered: fee } });
      return chain.transact(sender, call, options);
    },
  });

  return {
    async quote(options = {}) {
      if (losses.isStopped) throw payError('relay-stopped', { details: { maximum: lossesPerDayMax } });
      // Gas may rise until the deposit has been signed and arrives.
      return { sponsor: wallet.address, fee: ((await costOf(openingGas, options)) * 12n) / 10n };
    },
    async send(kind, opening, options = {}) {
      if (turns.pending >= waitingMax) throw payError('relay-busy');
      return turns.run(async () => {
        const { payer, fee } = await check(opening, options);
        try {
          return await (kind === 'open' ? open : topUp)(paying(fee), wallet, opening, options);
        } catch (error) {
          if (error instanceof TabloomError && 'hash' in error.details && error.code !== 'transaction-stuck') {
            losses.note(payer);
            logger.warn('sponsored-deposit-lost', { payer, code: error.code });
            if (losses.isStopped) logger.warn('sponsor-stopped', { losses: lossesPerDayMax });
          }
          throw error;
        }
      });
    },
  };
}
