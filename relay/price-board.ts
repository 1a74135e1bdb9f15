import type { Clock } from '#lib/base/clock.ts';
import { nextPrice, type MarketPrice, type Payment } from '#lib/market/price-oracle.ts';

/** What the market paid, up to the end of a day. Micro-credits a unit of the kind. */
export interface BoardPrice extends MarketPrice {
  readonly kind: string;
  readonly model: string;
  /** The end of the last day that counted, in milliseconds since the epoch. */
  readonly until: number;
}

export interface PriceBoardInit {
  /** Of days that ended before the time, oldest first. */
  readonly settled: (
    before: number,
  ) => Promise<readonly (Payment & { readonly day: number; readonly kind: string; readonly model: string })[]>;
  readonly clock: Pick<Clock, 'now'>;
}

const dayMs = 86_400_000;

/** Read once a day: what is over does not change. @throws what `settled` does, and is asked again then. */
export function createPriceBoard({ settled, clock }: PriceBoardInit): () => Promise<readonly BoardPrice[]> {
  let told: { readonly until: number; readonly prices: Promise<readonly BoardPrice[]> } | undefined;
  const read = async (until: number): Promise<readonly BoardPrice[]> => {
    const groups = Map.groupBy(await settled(until), ({ kind, model }) => JSON.stringify([kind, model]));
    return [...groups.values()].flatMap((payments) => {
      const { kind, model } = payments[0]!;
      let last: BoardPrice | undefined;
      for (const [day, paid] of Map.groupBy(payments, (payment) => payment.day)) {
        const price = nextPrice(last, paid);
        if (price && price !== last) last = { ...price, kind, model, until: day + dayMs };
      }
      return last ? [last] : [];
    });
  };
  return () => {
    const now = clock.now();
    const until = now - (now % dayMs);
    if (told?.until !== until) {
      const prices = read(until);
      const mine = { until, prices };
      told = mine;
      prices.catch(() => {
        if (told === mine) told = undefined;
      });
    }
    return told.prices;
  };
}
