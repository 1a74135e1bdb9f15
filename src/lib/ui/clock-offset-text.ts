import { m } from '#messages';
import type { ClockView } from '#lib/state/network.ts';

const units = [
  [86_400_000, m.clock_days],
  [3_600_000, m.clock_hours],
  [60_000, m.clock_minutes],
  [1_000, m.clock_seconds],
] as const;

/** Describes this device's clock offset in a sentence. */
export function clockOffsetText({ offsetMs, corrected }: ClockView): string {
  if (!corrected) return m.clock_right();
  const byMs = Math.abs(offsetMs);
  const [unitMs, inUnit] = units.find(([ms]) => byMs >= 1.5 * ms) ?? units[3];
  const amount = inUnit({ count: Math.round(byMs / unitMs) });
  return offsetMs < 0 ? m.clock_ahead({ amount }) : m.clock_behind({ amount });
}
