import type { ClockView } from '#lib/state/network.ts';

const units = [
  [86_400_000, 'days'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** How this device's clock stands, in a sentence. */
export function clockWords({ offsetMs, corrected }: ClockView): string {
  if (!corrected) return 'Your clock is right.';
  const byMs = Math.abs(offsetMs);
  const [unitMs, unit] = units.find(([ms]) => byMs >= 1.5 * ms) ?? units[3];
  return `Your clock is ${Math.round(byMs / unitMs)} ${unit} ${offsetMs < 0 ? 'ahead' : 'behind'}; corrected here.`;
}
