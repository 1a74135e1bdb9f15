import { m } from '#messages';
import { capNames, type CapName, type GatewayKeyView } from '#lib/state/keys.ts';
import { formatCount } from '../format.ts';
import type { KeyProblem } from './form.ts';

export const capText: Readonly<Record<CapName, () => string>> = {
  requestsPerDay: m.keys_requests_per_day,
  requestsTotal: m.keys_requests_total,
  tokensPerDay: m.keys_tokens_per_day,
  tokensTotal: m.keys_tokens_total,
  creditsPerMonth: m.keys_credits_per_month,
  requestsPerMinute: m.keys_requests_per_minute,
  tokensPerMinute: m.keys_tokens_per_minute,
};

export function problemText(found: KeyProblem): string {
  switch (found.problem) {
    case 'origins-missing':
      return m.keys_origins_missing();
    case 'day-cap-missing':
      return m.keys_day_cap_missing();
    case 'origin':
      return m.keys_origin_wrong({ origin: found.text });
    case 'days':
      return m.keys_days_wrong();
    case 'cap':
      return m.keys_cap_wrong({ limit: capText[found.cap]() });
  }
}

/** `Requests a day: 500`, one for each limit. */
export const limitTexts = ({ caps }: Pick<GatewayKeyView, 'caps'>): readonly string[] =>
  capNames.flatMap((name) => {
    const cap = caps[name];
    return cap === undefined ? [] : [`${capText[name]()}: ${formatCount(cap)}`];
  });

export type KeyState = 'active' | 'expired' | 'revoked';

export const stateOf = ({ revokedAt, expiresAt }: GatewayKeyView, now: number): KeyState =>
  revokedAt !== undefined ? 'revoked' : expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active';
