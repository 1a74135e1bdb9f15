import type { MoneyDay } from '#lib/state/wallet.ts';

/** A day's earnings as a bar, its models one above the other. Heights are shares of the best day, 0 to 1. */
export interface Bar {
  readonly day: string;
  readonly total: bigint;
  readonly parts: readonly { readonly model: string; readonly from: number; readonly height: number }[];
}

const dayMs = 86_400_000;

/** One bar for each of the last `count` days up to `today` (UTC), empty ones too. */
export function earningBars(days: readonly MoneyDay[], today: string, count: number): readonly Bar[] {
  const byDay = new Map(days.map((day) => [day.day, day]));
  const last = Date.parse(today);
  const shown = Array.from({ length: count }, (_, index) => {
    const day = new Date(last - (count - 1 - index) * dayMs).toISOString().slice(0, 10);
    const earned = byDay.get(day)?.earned ?? [];
    return { day, earned, total: earned.reduce((sum, { units }) => sum + units, 0n) };
  });
  const best = shown.reduce((most, { total }) => (total > most ? total : most), 0n);
  const share = (units: bigint) => (best === 0n ? 0 : Number((units * 10_000n) / best) / 10_000);
  return shown.map(({ day, earned, total }) => {
    let below = 0n;
    const parts = earned.map(({ model, units }) => {
      const from = share(below);
      below += units;
      return { model, from, height: share(below) - from };
    });
    return { day, total, parts };
  });
}

/** The models that earned anything, the best first. */
export function earningModels(
  days: readonly MoneyDay[],
): readonly { readonly model: string; readonly units: bigint }[] {
  const sums = new Map<string, bigint>();
  for (const { earned } of days)
    for (const { model, units } of earned) sums.set(model, (sums.get(model) ?? 0n) + units);
  return [...sums].map(([model, units]) => ({ model, units })).sort((a, b) => (a.units > b.units ? -1 : 1));
}
