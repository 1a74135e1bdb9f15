/**
 * What a kind of work costs on the market, from what was paid for it: the price above and below which as much was spent, reached in
 * small steps. A day moves it by at most half of what the network takes of a payment, in proportion to how much more was spent
 * on one side of it. So whoever trades with himself moves it, over all that others trade, by less than that costs him:
 * adding payments with a share of `f` to others with a share of `w` changes a step by at most `f / (f + w)` of `share × price`, and
 * what others trade is worth `w / share`.
 */

/** What one payer has paid one day for work of one kind and model. Amounts in the smallest unit. */
export interface Payment {
  readonly payer: string;
  /** Whom it paid most. */
  readonly payee: string;
  /** What was paid in all. */
  readonly value: bigint;
  /** Units of the kind that it was paid for. */
  readonly units: bigint;
}

export interface MarketPrice {
  /** Of one unit. */
  readonly price: bigint;
  /** Of the last day that counted: distinct payers, and the units that they paid for. */
  readonly payers: number;
  readonly units: bigint;
  /** The least and the most that one of them paid for a unit. */
  readonly low: bigint;
  readonly high: bigint;
}

/** What the network takes of each payment, in ten-thousandths. */
const shareBasisPoints = 1_000n;
const basisPoints = 10_000n;
/** Fewer say nothing: one payer is one opinion. */
const payersMin = 3;
/** Payments further from the price than this are mistakes, or want to be seen. */
const trimFactor = 8n;

/** The price after a day; that of before, the same one, where too few have paid. Undefined while no day has had enough payers. */
export function nextPrice(last: MarketPrice | undefined, day: readonly Payment[]): MarketPrice | undefined {
  const votes = pool(day).filter(({ price }) => last === undefined || isNear(price, last.price));
  if (votes.length < payersMin) return last;
  const price = last === undefined ? medianOf(votes) : step(last.price, votes);
  const units = votes.reduce((sum, vote) => sum + vote.units, 0n);
  const paid = votes.map((vote) => vote.price).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return { price, payers: votes.length, units, low: paid[0]!, high: paid.at(-1)! };
}

interface Vote {
  readonly price: bigint;
  readonly value: bigint;
  readonly units: bigint;
}

/** One vote a payer, however many payments it was made of; whoever pays himself has none. */
function pool(day: readonly Payment[]): readonly Vote[] {
  const votes = new Map<string, { value: bigint; units: bigint }>();
  for (const { payer, payee, value, units } of day) {
    if (payer === payee || value <= 0n || units <= 0n) continue;
    const vote = votes.get(payer) ?? { value: 0n, units: 0n };
    votes.set(payer, { value: vote.value + value, units: vote.units + units });
  }
  return [...votes.values()].map(({ value, units }) => ({ price: value / units, value, units }));
}

const isNear = (price: bigint, last: bigint): boolean => price * trimFactor >= last && price <= last * trimFactor;

/** Half of what was spent was spent at this price or less. */
function medianOf(votes: readonly Vote[]): bigint {
  const byPrice = votes.toSorted((a, b) => (a.price < b.price ? -1 : a.price > b.price ? 1 : 0));
  const total = sum(byPrice);
  let below = 0n;
  for (const { price, value } of byPrice) {
    below += value;
    if (2n * below >= total) return price;
  }
  return byPrice.at(-1)!.price;
}

/** Towards the median, and not past the price at which the two sides come out even. */
function step(last: bigint, votes: readonly Vote[]): bigint {
  const total = sum(votes);
  const most = (last * shareBasisPoints) / (2n * basisPoints);
  /** Where a balance of the two sides leads, as seen from a price. */
  const target = (at: bigint) => {
    const above = sum(votes.filter(({ price }) => price > at));
    const below = sum(votes.filter(({ price }) => price < at));
    return last + (most * (above - below)) / total;
  };
  // What it leads to falls as the price rises: where both meet is found by halving.
  let [low, high] = [last - most, last + most];
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (target(middle) >= middle) low = middle;
    else high = middle - 1n;
  }
  return low;
}

const sum = (votes: readonly Vote[]): bigint => votes.reduce((total, { value }) => total + value, 0n);
