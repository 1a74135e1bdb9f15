import type { Handler } from 'hono';
import { z } from 'zod';
import { openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { readJson, type BodyBudget } from '../body.ts';
import type { GatewayEnv } from '../caller.ts';
import { unitsPerCredit, writeCredits } from '../../credit-amount.ts';
import { paymentRequired, refusal, type Credits } from '../credits.ts';
import { gatewayError } from '../errors.ts';
import { parseMember } from '../request.ts';
import { readToken, type Sessions } from './wallet.ts';

export interface CreditComponents {
  /** Undefined where jobs cost nothing. */
  readonly credits?: Credits | undefined;
  readonly sessions: Sessions;
  readonly bodies: BodyBudget;
}

type Route = Handler<GatewayEnv>;

const amountSchema = z.string().regex(/^\d+(\.\d{1,6})?$/);

/** Amounts are text, so that no client rounds them. */
export const creditsSchema = z.object({
  object: z.literal('credits'),
  /** The wallet. */
  address: z.string(),
  /** What may be spent. */
  balance: amountSchema,
  /** What running jobs hold; what they do not use comes back. */
  held: amountSchema,
  price: z.object({ input_per_million: amountSchema, output_per_million: amountSchema }),
  chain: z.object({ id: z.number().int(), name: z.string(), token: z.string(), pay_to: z.string() }),
});

const mostCredits = 1_000_000;
export const buySchema = z.strictObject({
  credits: z
    .number({ error: 'must be a whole number of credits' })
    .int({ error: 'must be a whole number of credits' })
    .min(1, { error: 'must be at least 1' })
    .max(mostCredits, { error: `must be at most ${mostCredits}` }),
});

export const purchaseSchema = z.object({
  object: z.literal('credit.purchase'),
  credits: amountSchema,
  /** The wallet whose account they are in. */
  address: z.string(),
  transaction: z.string(),
  chain: z.number().int(),
});

/** What a 402 says beside its error: the terms of x402, and the price in a word for people. */
export const termsSchema = openAIErrorBodySchema.extend({
  x402Version: z.literal(2),
  accepts: z.array(z.looseObject({})),
  scheme: z.literal('exact'),
  price_credits: amountSchema,
});

/** `GET /v1/credits`: of the wallet that has signed in, or that made the secret key. */
export function showCredits(components: CreditComponents): Route {
  return async (context) => {
    const credits = offered(components);
    const caller = context.get('caller');
    // Everybody who opens a page has its key.
    const isPublic = caller.type === 'key' && caller.key.type === 'publishable';
    const address = isPublic ? undefined : await addressOf(components, context);
    if (address === undefined) {
      throw gatewayError('not-signed-in', 'Send a secret key of a wallet, or the token of its session, as a bearer.');
    }
    const { units, held } = await credits.balance(address);
    const { price, chain } = credits;
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof creditsSchema>>({
      object: 'credits',
      address,
      balance: writeCredits(units),
      held: writeCredits(held),
      price: { input_per_million: writeCredits(price.in), output_per_million: writeCredits(price.out) },
      chain: { id: chain.id, name: chain.name, token: chain.token, pay_to: chain.payTo },
    });
  };
}

/** `POST /v1/credits/buy`: paid with the request, by x402 or the Payment scheme. Without a payment it tells the terms. */
export function buyCredits(components: CreditComponents): Route {
  return async (context) => {
    const credits = offered(components);
    await context.get('rate')?.takeRequest();
    const { value } = await readJson(context.req.raw, components.bodies, context.env?.body);
    const units = BigInt(parseMember(buySchema, value).credits) * unitsPerCredit;
    const { raw } = context.req;
    if (!credits.carries(raw.headers)) throw paymentRequired(refusal(undefined), units);
    const payment = await credits.take(raw, units, await addressOf(components, context));
    if (payment.type === 'required') throw paymentRequired(refusal(payment.reason), units);
    context.header('cache-control', 'no-store');
    for (const [name, text] of payment.headers) context.header(name, text);
    return context.json<z.output<typeof purchaseSchema>>({
      object: 'credit.purchase',
      credits: writeCredits(payment.units),
      address: payment.address,
      transaction: payment.transaction,
      chain: credits.chain.id,
    });
  };
}

function offered({ credits }: CreditComponents): Credits {
  if (credits) return credits;
  throw gatewayError('credits-unavailable', 'Jobs cost nothing at this relay, and it sells no credits.');
}

async function addressOf({ sessions }: CreditComponents, context: Parameters<Route>[0]): Promise<string | undefined> {
  const caller = context.get('caller');
  if (caller.type === 'key') return caller.key.owner;
  return sessions.find(readToken(context.req.header('authorization')));
}
