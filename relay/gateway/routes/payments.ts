import type { Handler, MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { errorCode } from '#lib/base/errors.ts';
import { isPayErrorCode } from '#lib/pay/errors.ts';
import { errorBody } from '../../http/error-body.ts';
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

const unitsText = z.string().regex(/^\d{1,39}$/);
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);

export const quoteSchema = z.object({
  chain: z.number().int(),
  /** The account that is paid. */
  sponsor: address,
  /** The least that is sent for now, in units of the token, with room for gas to rise. */
  fees: z.object({ open: unitsText, 'top-up': unitsText, announce: unitsText, settle: unitsText, claim: unitsText }),
});

/** What the library's schema checks in full. */
export const sponsorBodySchema = z.looseObject({ action: z.enum(['open', 'top-up', 'announce', 'settle']) });
export const sentSchema = z.object({ hash: z.string(), block: z.number().int(), gasUsed: unitsText });
export const orderBodySchema = z.looseObject({
  order: z.looseObject({}),
  claims: z.array(z.looseObject({})),
  signature: z.string(),
});
export const entrustedSchema = z.object({
  provider_signer: address,
  valid_before: z.number().int(),
  claims: z.number().int(),
});

/** `GET /pay/sponsor`: whom to name as the sponsor, and for how much. */
export const quoteSponsor = (components: PaymentComponents): Route =>
  coded(async (context) => {
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof quoteSchema>>(await sponsorOf(components).quote());
  });

/** `POST /pay/sponsor`: an opening, a top-up, an announcement or a payout, signed by whom it is for. */
export const sendSponsored = (components: PaymentComponents): Route =>
  coded(async (context) => {
    const sponsor = sponsorOf(components);
    const value = await readPaid(components, context, sponsor);
    return context.json<z.output<typeof sentSchema>>(await sponsor.send(value));
  });

/** `POST /pay/orders`: claims that the relay makes while their provider is offline. */
export const entrustOrder = (components: PaymentComponents): Route =>
  coded(async (context) => {
    const sponsor = sponsorOf(components);
    const value = await readPaid(components, context, sponsor);
    return context.json<z.output<typeof entrustedSchema>>(await sponsor.entrust(value));
  });

type Context = Parameters<Route>[0];
type Desk = NonNullable<Payments['sponsor']>;

function sponsorOf({ payments }: PaymentComponents): Desk {
  if (payments?.sponsor) return payments.sponsor;
  throw gatewayError(
    'payments-unavailable',
    'This relay sends nothing for others. Use a wallet with gas, or another relay.',
  );
}

async function readPaid({ bodies }: PaymentComponents, context: Context, { rates }: Desk): Promise<unknown> {
  await rates.of(context.get('caller'))?.takeRequest();
  return (await readJson(context.req.raw, bodies, context.env?.body, gatewayLimits.paymentBytesMax)).value;
}

/** Where waiting helps, or nothing is wrong with the request. */
const statusByCode: Readonly<Record<string, 409 | 429 | 503 | 504>> = {
  'relay-busy': 429,
  'relay-declined': 429,
  'sponsor-limit': 429,
  'too-many-orders': 429,
  'relay-stopped': 503,
  'insufficient-gas': 503,
  'chain-unavailable': 503,
  'node-refused': 503,
  'transaction-stuck': 504,
  aborted: 503,
};

/** Codes of the library, which are no codes of the gateway: what was signed is wrong, unless waiting helps. */
const coded =
  (route: (context: Context) => Promise<Response>): Route =>
  async (context) => {
    try {
      return await route(context);
    } catch (error) {
      const code = errorCode(error);
      const status = statusByCode[code] ?? (isPayErrorCode(code) ? 422 : undefined);
      if (status === undefined || !(error instanceof Error)) throw error;
      return context.json(errorBody(status, { code, message: error.message }), status);
    }
  };
