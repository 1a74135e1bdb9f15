/** Numbers formatted for display. Those that change on screen are set in tabular figures. */

export const formatCount = (count: number): string => Math.round(count).toLocaleString('en');

/** Formats tokens per second. */
export const formatRate = (tps: number | undefined): string =>
  tps === undefined || !Number.isFinite(tps) ? '–' : tps >= 100 ? String(Math.round(tps)) : tps.toFixed(1);

export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds < 10 ? trim(seconds) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** At most three significant digits, without trailing zeros. */
export const trim = (value: number): string => String(Number(value.toPrecision(3)));
