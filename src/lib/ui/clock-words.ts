import type { ClockView } from '#lib/state/network.ts';
import { formatDuration } from './format.ts';

/** How this device's clock stands, in a sentence. */
export function clockWords({ offsetMs, corrected }: ClockView): string {
  if (!corrected) return 'Your clock is right.';
  const by = formatDuration(Math.round(Math.abs(offsetMs) / 1_000) * 1_000);
  return `Your clock is ${by} ${offsetMs < 0 ? 'ahead' : 'behind'}; corrected here.`;
}
