import { TabloomError } from '#lib/base/errors.ts';
import type { ApiKey } from '../api-key.ts';
import { unitsPerCredit, writeCredits } from '../credit-amount.ts';
import type { Statements } from './statements.ts';
import { step, type Steps } from './transaction.ts';

/**
 * Counts what a request may cost against its key's plan, until it ends. What costs something is counted without a plan too.
 * @param units micro-credits.
 * @returns `insufficient-quota` where the month does not have so much left; the count is then as before.
 */
export function* reserveSpending(
  statements: Statements,
  { id, caps }: ApiKey,
  { at, units }: { readonly at: number; readonly units: bigint },
): Steps<TabloomError | undefined> {
  if (units === 0n) return undefined;
  const month = monthOf(at);
  const spent = yield* add(statements, id, month, units);
  if (caps.creditsPerMonth === undefined) return undefined;
  const most = BigInt(caps.creditsPerMonth) * unitsPerCredit;
  if (spent <= most) return undefined;
  yield* add(statements, id, month, -units);
  return usedUp(at, { left: most - (spent - units), wanted: units });
}

/** Puts what a job came to in the place of what was reserved; undefined for one that failed. */
export function* settleSpending(
  statements: Statements,
  { keyId, day, units }: { readonly keyId: string; readonly day: string; readonly units: bigint },
  used: bigint | undefined,
): Steps<void> {
  const change = (used ?? 0n) - units;
  if (change !== 0n) yield* add(statements, keyId, day.slice(0, 7), change);
}

/** Takes back what a request that was refused for something else has reserved. */
export function* releaseSpending(
  statements: Statements,
  { id }: ApiKey,
  { at, units }: { readonly at: number; readonly units: bigint },
): Steps<void> {
  if (units > 0n) yield* add(statements, id, monthOf(at), -units);
}

export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);

/** The first of the month after, at midnight UTC. */
export function nextMonth(at: number): number {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

function* add(statements: Statements, keyId: string, month: string, units: bigint): Steps<bigint> {
  const [row] = yield* step(statements.spending({ key_id: keyId, month, units }));
  return row!.units;
}

function usedUp(at: number, { left, wanted }: { readonly left: bigint; readonly wanted: bigint }): TabloomError {
  const says =
    left <= 0n
      ? 'This key has used all credits of its plan for this month.'
      : `This key has ${writeCredits(left)} credits of its plan left this month, and this request may cost ${writeCredits(wanted)}. Set a lower max_tokens.`;
  const again = ' Its month begins anew on the first, at midnight UTC.';
  return new TabloomError('insufficient-quota', says + again, { details: { retryAfterMs: nextMonth(at) - at } });
}
