/** Amounts of one day (UTC, `2026-11-30`), by name: a model, say. */
export interface DayAmounts {
  readonly day: string;
  readonly parts: readonly NamedAmount[];
}

export interface NamedAmount {
  readonly name: string;
  readonly amount: bigint;
}

/** A day as a bar, its parts one above the other. Heights are shares of the best day, 0 to 1. */
export interface Bar {
  readonly day: string;
  readonly total: bigint;
  readonly parts: readonly { readonly name: string; readonly from: number; readonly height: number }[];
}

const dayMs = 86_400_000;

/** One bar for each of the last `count` days up to `today` (UTC), empty ones too. */
export function dayBars(days: readonly DayAmounts[], today: string, count: number): readonly Bar[] {
  const byDay = new Map(days.map((day) => [day.day, day]));
  const last = Date.parse(today);
  const shown = Array.from({ length: count }, (_, index) => {
    const day = new Date(last - (count - 1 - index) * dayMs).toISOString().slice(0, 10);
    const amounts = byDay.get(day)?.parts ?? [];
    return { day, amounts, total: amounts.reduce((sum, { amount }) => sum + amount, 0n) };
  });
  const best = shown.reduce((most, { total }) => (total > most ? total : most), 0n);
  const share = (amount: bigint) => (best === 0n ? 0 : Number((amount * 10_000n) / best) / 10_000);
  return shown.map(({ day, amounts, total }) => {
    let below = 0n;
    const parts = amounts.map(({ name, amount }) => {
      const from = share(below);
      below += amount;
      return { name, from, height: share(below) - from };
    });
    return { day, total, parts };
  });
}

/** The sum of each name over all days, the largest first. */
export function sumsByName(days: readonly DayAmounts[]): readonly NamedAmount[] {
  const sums = new Map<string, bigint>();
  for (const { parts } of days) for (const { name, amount } of parts) sums.set(name, (sums.get(name) ?? 0n) + amount);
  return [...sums].map(([name, amount]) => ({ name, amount })).sort((a, b) => (a.amount > b.amount ? -1 : 1));
}
