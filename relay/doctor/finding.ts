import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import { withTimeout } from '#lib/base/timeout.ts';

/** What one check found out. */
export interface Finding {
  /** Stable, such as `data-folder` or `relay wss://relay.example`. */
  readonly id: string;
  /** `fail`: it will not work. `warn`: it works, less well than it could. `skipped`: not asked for, or it cannot be known. */
  readonly state: 'ok' | 'warn' | 'fail' | 'skipped';
  readonly what: string;
  /** How to mend it. */
  readonly do?: string;
}

/** Looks at one thing and changes nothing. */
export interface Check {
  readonly id: string;
  run(signal: AbortSignal): Promise<Outcome>;
  /** Instead of {@link checkLimitMs}, where what is checked may take longer. */
  readonly limitMs?: number;
}

export type Outcome = Omit<Finding, 'id'>;

export const ok = (what: string): Outcome => ({ state: 'ok', what });
export const skipped = (what: string): Outcome => ({ state: 'skipped', what });
export const warn = (what: string, mend: string): Outcome => ({ state: 'warn', what, do: mend });
export const fail = (what: string, mend: string): Outcome => ({ state: 'fail', what, do: mend });

/** How long one check may take. All of them run at once. */
export const checkLimitMs = 4_000;

/** What they found, in their own order. A check that hangs or breaks is a finding too. */
export function runChecks(checks: readonly Check[], clock: Clock): Promise<readonly Finding[]> {
  return Promise.all(
    checks.map(async ({ id, run, limitMs = checkLimitMs }): Promise<Finding> => {
      const life = new AbortController();
      const late = () => new TabloomError('timeout', 'It did not answer.');
      try {
        return { id, ...(await withTimeout(run(life.signal), clock, limitMs, { error: late })) };
      } catch (error) {
        const isLate = errorCode(error) === 'timeout';
        const what = isLate ? `No answer within ${limitMs / 1_000} s.` : `It could not be checked: ${causeOf(error)}.`;
        return {
          id,
          ...fail(what, isLate ? 'Look whether it runs, and whether a firewall stands between.' : 'Run again.'),
        };
      } finally {
        life.abort();
      }
    }),
  );
}

/** The first system code along the causes, such as `ECONNREFUSED`, or the code of the error itself; never a message, which could name a secret. */
export function causeOf(error: unknown): string {
  let one = error;
  for (let depth = 0; one instanceof Error && depth < 8; one = one.cause, depth++) {
    const [first] = one instanceof AggregateError ? one.errors : [];
    const code: unknown = 'code' in one ? one.code : (first as { readonly code?: unknown } | undefined)?.code;
    if (typeof code === 'string' && /^[A-Z0-9_]+$/.test(code)) return code;
  }
  return errorCode(error);
}
