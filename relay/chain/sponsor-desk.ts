import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import { batchCost, readGasTerms, type Rate } from '#lib/pay/cost.ts';
import { createOrderStore, parseClaimOrder } from '#lib/pay/order-store.ts';
import type { Chain, Wallet } from '#lib/pay/spec.ts';
import { createSponsor } from '#lib/pay/sponsor.ts';
import { createSponsoredExits } from '#lib/pay/sponsored-exits.ts';
import { readSponsorRequest, writeSponsored } from '#lib/pay/sponsor-wire.ts';
import { createWatcher } from '#lib/pay/watcher.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import type { SponsorDesk } from '../gateway/payments.ts';

export interface SponsorDeskComponents {
  readonly chain: Chain;
  readonly wallet: Wallet;
  /** Claim orders, and withdrawals that were begun. */
  readonly storage: KeyValue;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface SponsorDeskInit {
  /** What a coin of the chain is worth in the token. */
  readonly rate: Rate;
  readonly feeMin: bigint;
  readonly lossesPerDayMax: number;
}

/** What a relay sends for others: deposits, announcements and payouts of those without gas, and claims of those who sleep. */
export interface RunningDesk extends SponsorDesk {
  start(): void;
  /** Resolves when nothing is being sent any more. */
  stop(): Promise<void>;
}

export async function openSponsorDesk(
  { chain, wallet, storage, clock, logger }: SponsorDeskComponents,
  { rate, feeMin, lossesPerDayMax }: SponsorDeskInit,
): Promise<RunningDesk> {
  const life = new AbortController();
  // What was handed over is sent, whether or not whoever handed it over is still there.
  const { signal } = life;
  const exits = createSponsoredExits({ chain, clock, wallet, storage, logger }, { rate });
  const { remember: onAnnounce } = exits;
  const sponsor = createSponsor({ chain, clock, wallet, logger, onAnnounce }, { rate, feeMin, lossesPerDayMax });
  const orders = createOrderStore(storage);
  const watcher = await createWatcher({ chain, clock, wallet, orders, logger }, { rate, lossesPerDayMax });
  const sending = new Set<Promise<unknown>>();
  const track = async <T>(work: Promise<T>): Promise<T> => {
    sending.add(work);
    try {
      return await work;
    } finally {
      sending.delete(work);
    }
  };

  return {
    async quote() {
      const feeOf = async (action: Parameters<typeof sponsor.quote>[0]) =>
        (await sponsor.quote(action, { signal })).fee.toString();
      const claim = (batchCost(1, await readGasTerms(chain, rate, { signal })) * 15n) / 10n;
      return {
        chain: chain.entry.id,
        sponsor: wallet.address,
        fees: {
          open: await feeOf('open'),
          'top-up': await feeOf('top-up'),
          announce: await feeOf('announce'),
          settle: await feeOf('settle'),
          claim: claim.toString(),
        },
      };
    },
    async send(value) {
      const request = readSponsorRequest(value);
      switch (request.action) {
        case 'open':
        case 'top-up':
          return writeSponsored(await track(sponsor.send(request.action, request.opening, { signal })));
        case 'announce':
          return writeSponsored(await track(sponsor.announce(request.withdrawal, { signal })));
        case 'settle':
          return writeSponsored(await track(sponsor.settle(request.settlement, { signal })));
      }
    },
    async entrust(value) {
      const signed = parseClaimOrder(value);
      await track(watcher.accept(signed, { signal }));
      const { providerSigner, validBefore } = signed.order;
      return { provider_signer: providerSigner, valid_before: validBefore, claims: signed.claims.length };
    },
    start() {
      void watcher.start();
      void exits.start();
    },
    async stop() {
      life.abort();
      await Promise.all([watcher.stop(), exits.stop(), Promise.allSettled(sending)]);
    },
  };
}
