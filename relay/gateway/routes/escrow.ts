import type { Context, Handler } from 'hono';
import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { limits } from '#lib/protocol/limits.ts';
import { unitsPerCredit, writeCredits } from '../../credit-amount.ts';
import type { ApiKey } from '../../api-key.ts';
import { errorBody } from '../../http/error-body.ts';
import { readJson, type BodyBudget } from '../body.ts';
import type { Caller, GatewayEnv } from '../caller.ts';
import type { Credits } from '../credits.ts';
import { badRequest, gatewayError } from '../errors.ts';
import { escrowJobSchema, escrowUnits } from '../escrow-terms.ts';
import { parseMember } from '../request.ts';
import { openOnChain, requireChain, showChainEscrow, type ChainEscrowComponents } from './chain-escrow.ts';
import { readToken, type Sessions } from './wallet.ts';

/** Credits that wallets set aside for jobs of each other, wherever that is written. Addresses are lower-case, amounts micro-credits. */
export interface Escrows {
  open(terms: EscrowTerms): Promise<Escrow>;
  release(id: EscrowId, units: number): Promise<Escrow>;
  refund(id: EscrowId, by: 'payer' | 'provider'): Promise<Escrow>;
}

interface EscrowId {
  readonly payer: string;
  readonly job: string;
  readonly provider?: string | undefined;
}

interface EscrowTerms extends EscrowId {
  readonly kind: string;
  readonly model: string;
  readonly provider: string;
  readonly units: number;
  readonly price: bigint;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

interface Escrow extends EscrowTerms {
  readonly state: 'open' | 'released' | 'refunded';
  readonly delivered: number;
  readonly paid: bigint;
  readonly share: bigint;
  readonly refunded: bigint;
}

export interface EscrowComponents extends ChainEscrowComponents {
  /** Undefined where jobs cost nothing. */
  readonly credits?: Credits | undefined;
  readonly escrows: Escrows;
  readonly sessions: Sessions;
  readonly bodies: BodyBudget;
  readonly clock: Clock;
}

export const laterKinds = ['render', 'voice'] as const;
export const escrowSteps = ['escrow', 'release', 'refund'] as const;

const unitsMax = 1_000_000_000;
const creditsMax = 1_000_000n;
const deadlineSecondsMax = 30 * 86_400;

const address = z
  .string({ error: 'must be an address' })
  .regex(/^0x[0-9a-f]{40}$/i, { error: 'must be an address: 0x and 40 hexadecimal digits' })
  .transform((text) => text.toLowerCase());
const wholeUnits = (least: number) => {
  const error = `must be a whole number from ${least} to ${unitsMax}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(unitsMax, { error });
};
const amount = z.string().regex(/^\d+(\.\d{1,6})?$/);
const chainId = z.number({ error: 'must be the number of a chain' }).int().positive().optional();

export const escrowRequestSchema = z.strictObject({
  job: escrowJobSchema,
  /** By which the market's price is told; on a chain, the one that answers. */
  model: z.string({ error: 'must be a string' }).max(limits.nameLengthMax).default(''),
  provider: address,
  /** The most, of thousand tokens. */
  units: wholeUnits(1),
  /** Credits for one, as text, so that no client rounds them. */
  price_credits: z
    .string({ error: 'must be a string of digits, such as "0.25"' })
    .regex(/^\d{1,7}(\.\d{1,6})?$/, { error: 'must be digits with at most six decimals, such as "0.25"' }),
  /** Unix seconds. */
  deadline: z.number({ error: 'must be a time in Unix seconds' }).int({ error: 'must be a time in Unix seconds' }),
  /** Where the wallet's own tokens are set aside; without it, credits are. */
  chain: chainId,
});
export const releaseRequestSchema = z.strictObject({ job: escrowJobSchema, units: wholeUnits(0), chain: chainId });
export const refundRequestSchema = z.strictObject({ job: escrowJobSchema, payer: address.optional(), chain: chainId });

export const escrowSchema = z.object({
  object: z.literal('escrow'),
  job: z.string(),
  kind: z.string(),
  model: z.string(),
  state: z.enum(['open', 'released', 'refunded']),
  payer: z.string(),
  provider: z.string(),
  unit: z.literal(escrowUnits.llm),
  units: z.number().int(),
  delivered_units: z.number().int(),
  price_credits: amount,
  escrowed_credits: amount,
  paid_credits: amount,
  network_credits: amount,
  refunded_credits: amount,
  deadline: z.number().int(),
});

type Route = Handler<GatewayEnv>;

/** `POST /llm/escrow`: sets the most aside that a job may cost. */
export function openEscrow(components: EscrowComponents): Route {
  return async (context) => {
    const payer = await walletOf(components, askerOf(context));
    const asked = parseMember(escrowRequestSchema, await readBody(components, context));
    const price = readCredits(asked.price_credits);
    const now = components.clock.now();
    const deadline = asked.deadline * 1_000;
    if (price === 0n) throw badRequest('"price_credits" must be more than 0.', 'price_credits');
    if (BigInt(asked.units) * price > creditsMax * unitsPerCredit) {
      throw badRequest(`"units" and "price_credits" come to more than ${creditsMax} credits.`, 'units');
    }
    if (asked.provider === payer) throw badRequest('"provider" must be another wallet.', 'provider');
    if (deadline > now + deadlineSecondsMax * 1_000) {
      throw badRequest('"deadline" must be within 30 days, in Unix seconds.', 'deadline');
    }
    const { job: name, model, provider, units, chain } = asked;
    if (chain !== undefined) {
      const order = { chain, kind: 'llm', model, payer, job: name, provider, units, price, deadline: asked.deadline };
      return showChainEscrow(context, await openOnChain(components, order, { signal: context.req.raw.signal }));
    }
    requireCredits(components);
    const terms = { kind: 'llm', model, payer, job: name, provider, units, price, deadline };
    return show(context, await components.escrows.open(terms));
  };
}

/** `POST /llm/release`: the payer says what was delivered, which is paid; the rest goes back. */
export function releaseEscrow(components: EscrowComponents): Route {
  return async (context) => {
    const payer = await walletOf(components, askerOf(context));
    const asked = parseMember(releaseRequestSchema, await readBody(components, context));
    if (asked.chain !== undefined) {
      requireChain(components, asked.chain);
      const says =
        'An escrow on a chain pays by itself for what is delivered. Ask for its answer with "tabloom.escrow".';
      throw gatewayError('escrow-on-chain', says);
    }
    requireCredits(components);
    return show(context, await components.escrows.release({ payer, job: asked.job }, asked.units));
  };
}

/** `POST /llm/refund`: by the payer after the deadline, or by the provider, which names the payer, at any time. */
export function refundEscrow(components: EscrowComponents): Route {
  return async (context) => {
    const wallet = await walletOf(components, askerOf(context));
    const asked = parseMember(refundRequestSchema, await readBody(components, context));
    const { job: name, payer = wallet, chain } = asked;
    if (chain !== undefined) {
      if (payer !== wallet)
        throw badRequest('"payer" must be this wallet: a provider claims, or lets the deadline pass.', 'payer');
      const escrows = requireChain(components, chain);
      const { signal } = context.req.raw;
      return showChainEscrow(context, await escrows.refund({ payer, job: name }, { signal }));
    }
    requireCredits(components);
    const by = payer === wallet ? 'payer' : 'provider';
    const id = by === 'payer' ? { payer, job: name } : { payer, job: name, provider: wallet };
    return show(context, await components.escrows.refund(id, by));
  };
}

/** For kinds that the protocol will define. The body is not read. */
export const escrowUnavailable: Route = (context) => {
  const message = 'This network does no such work yet, and holds no credits for it. For text, use /llm/escrow.';
  return context.json(errorBody(501, { code: 'kind-unavailable', message, param: null }), 501);
};

async function readBody({ bodies }: EscrowComponents, context: Context<GatewayEnv>): Promise<unknown> {
  await context.get('rate')?.takeRequest();
  return (await readJson(context.req.raw, bodies, context.env?.body)).value;
}

/** What a key may use, whatever its wallet has: nothing of that is counted here. Its rates are. */
const capsOfUse = [
  'requestsPerDay',
  'requestsTotal',
  'tokensPerDay',
  'tokensTotal',
  'creditsPerMonth',
] as const satisfies (keyof ApiKey['caps'])[];
const isLimited = ({ models, caps }: ApiKey): boolean =>
  models.length > 0 || capsOfUse.some((cap) => caps[cap] !== undefined);

/** Who asks for something of a wallet, and the token of its session. */
export interface WalletAsker {
  readonly caller: Caller;
  readonly authorization: string | undefined;
}

const askerOf = (context: Context<GatewayEnv>): WalletAsker => ({
  caller: context.get('caller'),
  authorization: context.req.header('authorization'),
});

/** Whoever may spend all that a wallet has: its session, or a secret key that it made without limits. */
export async function walletOf(
  { sessions }: Pick<EscrowComponents, 'sessions'>,
  { caller, authorization }: WalletAsker,
): Promise<string> {
  if (
    caller.type === 'key' &&
    caller.key.type === 'secret' &&
    caller.key.owner !== undefined &&
    isLimited(caller.key)
  ) {
    const says =
      'This key has limits, and an escrow may hold whatever its wallet has. Use a key without, or a session.';
    throw gatewayError('key-limited', says);
  }
  const wallet =
    caller.type !== 'key'
      ? await sessions.find(readToken(authorization))
      : caller.key.type === 'secret'
        ? caller.key.owner
        : undefined;
  if (wallet !== undefined) return wallet;
  throw gatewayError('not-signed-in', 'Send a secret key of a wallet, or the token of its session, as a bearer.');
}

function requireCredits({ credits }: EscrowComponents): void {
  if (credits) return;
  throw gatewayError('credits-unavailable', 'Jobs cost nothing at this relay, and it holds no credits.');
}

/** Exactly, in micro-credits. */
function readCredits(text: string): bigint {
  const [whole, fraction = ''] = text.split('.');
  return BigInt(whole!) * unitsPerCredit + BigInt(fraction.padEnd(6, '0'));
}

function show(context: Context<GatewayEnv>, escrow: Escrow): Response {
  const {
    job: name,
    kind,
    model,
    state,
    payer,
    provider,
    units,
    delivered,
    price,
    paid,
    share,
    refunded,
    deadline,
  } = escrow;
  context.header('cache-control', 'no-store');
  return context.json<z.output<typeof escrowSchema>>({
    object: 'escrow',
    job: name,
    kind,
    model,
    state,
    payer,
    provider,
    unit: escrowUnits.llm,
    units,
    delivered_units: delivered,
    price_credits: writeCredits(price),
    escrowed_credits: writeCredits(BigInt(units) * price),
    paid_credits: writeCredits(paid),
    network_credits: writeCredits(share),
    refunded_credits: writeCredits(refunded),
    deadline: Math.floor(deadline / 1_000),
  });
}
