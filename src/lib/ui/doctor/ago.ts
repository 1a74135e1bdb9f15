import { m } from '#messages';
import { locale } from '#language';

/** `just now`, `5 min ago`, `3 h ago`, else a date. */
export function formatAgo(at: number, now: number): string {
  const minutes = Math.floor((now - at) / 60_000);
  if (minutes < 1) return m.ago_now();
  if (minutes < 60) return m.ago_minutes({ count: minutes });
  if (minutes < 24 * 60) return m.ago_hours({ count: Math.floor(minutes / 60) });
  return new Date(at).toLocaleDateString(locale(), { month: 'short', day: 'numeric', year: 'numeric' });
}
