import type { Handler } from 'hono';
import type { z } from 'zod';
import { writeCredits } from '../../credit-amount.ts';
import type { GatewayEnv } from '../caller.ts';
import { gatewayError } from '../errors.ts';
import type { keyStateSchema } from './wallet-bodies.ts';
import { writeKey } from './wallet.ts';

export interface KeyStateComponents {
  /** What a key has used, by its id. */
  readonly keyUsage: (id: string) => Promise<KeyUsage>;
}

interface KeyUsage {
  readonly requestsToday: number;
  readonly tokensToday: number;
  readonly requestsTotal: number;
  readonly tokensTotal: number;
  readonly unitsThisMonth: bigint;
  readonly monthEndsAt: number;
}

/** `GET /v1/key`: the secret key that asks, what it may do, and what it has used. */
export function showKey({ keyUsage }: KeyStateComponents): Handler<GatewayEnv> {
  return async (context) => {
    const caller = context.get('caller');
    if (caller.type !== 'key' || caller.key.type !== 'secret') {
      throw gatewayError('not-signed-in', 'Send a secret key as "Authorization: Bearer …". It is told about itself.');
    }
    const used = await keyUsage(caller.key.id);
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof keyStateSchema>>({
      ...writeKey(caller.key),
      used: {
        requests_today: used.requestsToday,
        tokens_today: used.tokensToday,
        requests_total: used.requestsTotal,
        tokens_total: used.tokensTotal,
        credits_this_month: writeCredits(used.unitsThisMonth),
      },
      month_ends_at: Math.floor(used.monthEndsAt / 1_000),
    });
  };
}
