import type { Handler, MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { readJson, type BodyBudget } from '../body.ts';
import type { GatewayEnv } from '../caller.ts';
import { gatewayError } from '../errors.ts';
import { gatewayLimits } from '../limits.ts';
import type { Payments } from '../payments.ts';
import { parseMember } from '../request.ts';

export interface PaymentComponents {
  /** Undefined where the relay names no chain. */
  readonly payments?: Payments | undefined;
  readonly bodies: BodyBudget;
}

type Route = Handler<GatewayEnv>;

const idSchema = z.union([z.string().max(64), z.number(), z.null()]).default(null);

export const rpcRequestSchema = z.object({
  jsonrpc: z.literal('2.0'),
  id: idSchema,
  method: z.string().max(64),
  params: z.array(z.unknown()).max(8).default([]),
});

export const rpcResponseSchema = z.object({
  jsonrpc: z.literal('2.0'),
  id: idSchema,
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.number(), message: z.string() }).optional(),
});

/** Refuses all of it where there is no chain, and counts the rest by its caller. */
export const limitPayments =
  (payments: Payments | undefined): MiddlewareHandler<GatewayEnv> =>
  async (context, next) => {
    if (!payments) {
      throw gatewayError(
        'payments-unavailable',
        'This relay names no chain for payments. Its operator can start it with --chain.',
      );
    }
    await payments.rates.of(context.get('caller'))?.takeRequest();
    await next();
    context.res.headers.set('cache-control', 'no-store');
    context.res.headers.set('x-content-type-options', 'nosniff');
  };

/** `POST /pay/rpc`: one request of JSON-RPC. What is not passed on is answered with an error of JSON-RPC. */
export function forwardRpc({ payments, bodies }: PaymentComponents): Route {
  return async (context) => {
    const { raw } = context.req;
    const { value } = await readJson(raw, bodies, context.env?.body, gatewayLimits.paymentBytesMax);
    const request = parseMember(rpcRequestSchema, value);
    return context.json(await payments!.rpc(request, { signal: raw.signal }));
  };
}

export const faucetRequestSchema = z.strictObject({ address: z.string().max(64) });
export const faucetSchema = z.object({ amount: z.string().regex(/^\d+$/) });

/** `POST /pay/faucet`: test money, on a local chain. */
export function giveFromFaucet({ payments, bodies }: PaymentComponents): Route {
  return async (context) => {
    const faucet = payments?.faucet;
    if (!faucet) throw gatewayError('payments-unavailable', 'This relay names no local chain, and has no test money.');
    const { raw } = context.req;
    const { value } = await readJson(raw, bodies, context.env?.body, gatewayLimits.paymentBytesMax);
    const { address } = parseMember(faucetRequestSchema, value);
    // What was begun is finished, whoever is still there to hear of it.
    const { amount } = await faucet.give(address);
    return context.json<z.output<typeof faucetSchema>>({ amount: amount.toString() });
  };
}
