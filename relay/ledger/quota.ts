import { TabloomError } from '#lib/base/errors.ts';
import type { ApiKey } from '../api-key.ts';
import type { Statements } from './statements.ts';
import { step, type Steps } from './transaction.ts';

/**
 * Counts a request against its key's caps: one request, and the most tokens that it may use, until it ends.
 * Every use is counted, so that a list of keys can show it; caps that are not set refuse nothing.
 * @returns `insufficient-quota` where a cap is exceeded; the counts are then as before.
 */
export function* reserveQuota(
  statements: Statements,
  { id, caps }: ApiKey,
  { day, at, tokens }: { readonly day: string; readonly at: number; readonly tokens: bigint },
): Steps<TabloomError | undefined> {
  const periods = [
    { period: day, requestsMax: caps.requestsPerDay, tokensMax: caps.tokensPerDay },
    { period: totalPeriod, requestsMax: caps.requestsTotal, tokensMax: caps.tokensTotal },
  ];
  for (const [index, { period, requestsMax, tokensMax }] of periods.entries()) {
    const used = yield* add(statements, id, period, 1n, tokens);
    const what = exceeds(used.requests, requestsMax)
      ? 'requests'
      : exceeds(used.tokens, tokensMax)
        ? 'tokens'
        : undefined;
    if (what === undefined) continue;
    for (const done of periods.slice(0, index + 1)) yield* add(statements, id, done.period, -1n, -tokens);
    const left = what === 'tokens' ? BigInt(tokensMax!) - (used.tokens - tokens) : 0n;
    return insufficient(period === totalPeriod ? undefined : at, what, { left: left < 0n ? 0n : left, wanted: tokens });
  }
  return undefined;
}

/** Puts what was used in the place of what was reserved. A job that failed counts for nothing. */
export function* settleQuota(
  statements: Statements,
  { keyId, day, tokens }: { readonly keyId: string; readonly day: string; readonly tokens: bigint },
  used: { readonly tokensIn: number; readonly tokensOut: number } | undefined,
): Steps<void> {
  const requests = used ? 0n : -1n;
  const change = BigInt(used ? used.tokensIn + used.tokensOut : 0) - tokens;
  for (const period of [day, totalPeriod]) yield* add(statements, keyId, period, requests, change);
}

/** Of all time. */
export const totalPeriod = 'total';
const dayMs = 86_400_000;

const exceeds = (used: bigint, most: number | undefined): boolean => most !== undefined && used > BigInt(most);

function* add(statements: Statements, keyId: string, period: string, requests: bigint, tokens: bigint) {
  const [used] = yield* step(statements.quota({ key_id: keyId, period, requests, tokens }));
  return used!;
}

/** @param at now, where the cap is that of a day. */
function insufficient(
  at: number | undefined,
  what: 'requests' | 'tokens',
  { left, wanted }: { readonly left: bigint; readonly wanted: bigint },
): TabloomError {
  const period = at === undefined ? 'in all' : 'for today';
  const says =
    what === 'requests' || left === 0n
      ? `This key has used all of its ${what} ${period}.`
      : `This key has ${left} tokens left ${period}, and this request may use ${wanted}. Set a lower max_tokens.`;
  const again = at === undefined ? ' Use another key.' : ' Its day begins anew at midnight UTC.';
  const details = at === undefined ? {} : { retryAfterMs: dayMs - (at % dayMs) };
  return new TabloomError('insufficient-quota', says + again, { details });
}
