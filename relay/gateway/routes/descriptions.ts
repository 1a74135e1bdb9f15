import { z } from 'zod';
import { openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { answerExtensionSchema } from '../answer-extension.ts';
import type { Endpoint } from '../endpoint.ts';
import type { AnswerDescription, RouteDescription } from '../openapi.ts';
import { providerTermsSchema } from '../provider.ts';
import { extensionSchema } from '../request.ts';
import { buySchema, creditsSchema, purchaseSchema, termsSchema } from './credits.ts';
import { chainEscrowSchema } from './chain-escrow.ts';
import { escrowRequestSchema, escrowSchema, refundRequestSchema, releaseRequestSchema } from './escrow.ts';
import { activityQuerySchema, activitySchema, feedEventSchema } from './activity.ts';
import { priceListSchema } from './prices.ts';
import { auditListSchema } from './audits.ts';
import { leaderboardQuerySchema, leaderboardSchema } from './leaderboard.ts';
import { taskListSchema } from './tasks.ts';
import {
  entrustedSchema,
  faucetRequestSchema,
  faucetSchema,
  orderBodySchema,
  quoteSchema,
  rpcRequestSchema,
  rpcResponseSchema,
  sentSchema,
  sponsorBodySchema,
} from './payments.ts';
import {
  healthSchema,
  modelListSchema,
  modelSchema,
  networkSchema,
  readySchema,
  receiptListSchema,
  routeSchema,
} from './status-bodies.ts';
import {
  createdKeySchema,
  keyListSchema,
  keyRequestSchema,
  keyStateSchema,
  nonceSchema,
  revokedKeySchema,
  sessionSchema,
  signedSchema,
} from './wallet-bodies.ts';

const json = (description: string, schema: z.ZodType): AnswerDescription => ({
  description,
  content: { 'application/json': schema },
});
const text = (description: string, type: string): AnswerDescription => ({
  description,
  content: { [type]: z.string() },
});

/** A route that runs a job. Members that are read apart from the rest are written into its request. */
const jobRoute = (path: string, { summary, request, answer, event }: Endpoint): RouteDescription => {
  const whole = answer.extend({ tabloom: answerExtensionSchema });
  return {
    method: 'post',
    path,
    summary,
    request: request.extend({ provider: providerTermsSchema, tabloom: extensionSchema }),
    answers: {
      200: {
        description: event ? 'The answer; where "stream" is true, events, each with such data.' : 'The answer.',
        content: {
          'application/json': whole,
          ...(event ? { 'text/event-stream': z.union([event, openAIErrorBodySchema]) } : {}),
        },
      },
    },
    credential: 'key',
  };
};

const reads: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/models',
    summary: 'The models that are served now.',
    answers: { 200: json('The models, by name.', modelListSchema) },
  },
  {
    method: 'get',
    path: '/v1/models/{id}',
    summary: 'One of them, by its name or artefact.',
    answers: { 200: json('The model.', modelSchema) },
  },
  {
    method: 'get',
    path: '/v1/prices',
    summary: 'What wallets have paid each other here for a kind of work and a model, up to yesterday.',
    answers: { 200: json('The prices, by kind and model.', priceListSchema) },
  },
  {
    method: 'get',
    path: '/v1/tasks',
    summary: 'Prompts of the operator at a fixed price, each asked for as a model.',
    answers: { 200: json('The tasks.', taskListSchema) },
  },
  {
    method: 'get',
    path: '/v1/network',
    summary: 'The capacity of each model, and the workers by peer id.',
    answers: { 200: json('What there is, as the workers state it.', networkSchema) },
  },
  {
    method: 'get',
    path: '/v1/audits',
    summary: 'What this relay has counted of the audits of each worker.',
    answers: { 200: json('The workers, those that were convicted first.', auditListSchema) },
  },
  {
    method: 'get',
    path: '/v1/leaderboard',
    summary: 'Who has worked most for this relay, by the receipts that it has checked and countersigned.',
    query: leaderboardQuerySchema,
    answers: {
      200: json('The workers from "offset" on, those with the most tokens written first.', leaderboardSchema),
    },
  },
  {
    method: 'get',
    path: '/v1/route',
    summary: 'Why each worker would get a chat with a model now, or not.',
    query: z.object({ model: z.string().default('auto') }),
    answers: { 200: json('The workers, each with a reason.', routeSchema) },
  },
  {
    method: 'get',
    path: '/v1/receipts/{id}',
    summary: 'The signed receipts of a job, by its id or that of its answer.',
    answers: { 200: json('One for each worker that took part.', receiptListSchema) },
  },
  {
    method: 'get',
    path: '/v1/activity',
    summary: 'Jobs and tokens by hour and model.',
    query: activityQuerySchema,
    answers: { 200: json('The hours, oldest first.', activitySchema) },
  },
  {
    method: 'get',
    path: '/v1/feed',
    summary: 'Each job as it ends: no prompts, no addresses.',
    answers: {
      200: { description: 'Events, each with such data.', content: { 'text/event-stream': feedEventSchema } },
    },
  },
];

const walletRoutes: readonly RouteDescription[] = [
  {
    method: 'post',
    path: '/v1/auth/nonce',
    summary: 'A nonce for one sign-in with a wallet (EIP-4361).',
    answers: { 200: json('The nonce, and the domain that the message must name.', nonceSchema) },
  },
  {
    method: 'post',
    path: '/v1/auth/sign-in',
    summary: 'Signs in with a signed message.',
    request: signedSchema,
    answers: { 200: json('The token of a session.', sessionSchema) },
  },
  {
    method: 'post',
    path: '/v1/auth/sign-out',
    summary: 'Ends the session of the token.',
    answers: { 204: { description: 'It has ended.' } },
    credential: 'session',
  },
  {
    method: 'get',
    path: '/v1/key',
    summary: 'The secret key that asks: what it may do, and what it has used.',
    answers: { 200: json('The key.', keyStateSchema) },
    credential: 'key',
  },
  {
    method: 'get',
    path: '/v1/keys',
    summary: 'The keys of the wallet that has signed in.',
    answers: { 200: json('The keys, newest first.', keyListSchema) },
    credential: 'session',
  },
  {
    method: 'post',
    path: '/v1/keys',
    summary: 'Makes a key.',
    request: keyRequestSchema,
    answers: { 201: json('The key, which is shown this once.', createdKeySchema) },
    credential: 'session',
  },
  {
    method: 'delete',
    path: '/v1/keys/{id}',
    summary: 'Revokes one of them.',
    answers: { 200: json('It is revoked.', revokedKeySchema) },
    credential: 'session',
  },
];

const creditRoutes: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/credits',
    summary: 'What a wallet may spend here, and what jobs cost.',
    answers: { 200: json('Credits, of which one is a cent.', creditsSchema) },
    credential: 'session',
  },
  {
    method: 'post',
    path: '/v1/credits/buy',
    summary: 'Buys credits, paid with the request: by x402 (`PAYMENT-SIGNATURE`) or the `Payment` scheme.',
    request: buySchema,
    answers: {
      200: json('They are in the account.', purchaseSchema),
      402: json('The terms, which stand in PAYMENT-REQUIRED and WWW-Authenticate too.', termsSchema),
    },
  },
];

const paymentRoutes: readonly RouteDescription[] = [
  {
    method: 'post',
    path: '/pay/rpc',
    summary: 'A JSON-RPC request to the chain that this relay names: what wallets read, and signed transactions.',
    request: rpcRequestSchema,
    answers: { 200: json('What the server of the chain answers.', rpcResponseSchema) },
  },
  {
    method: 'post',
    path: '/pay/faucet',
    summary: 'Test money, where the relay names a local chain.',
    request: faucetRequestSchema,
    answers: { 200: json('How much, in units of the token.', faucetSchema) },
  },
  {
    method: 'get',
    path: '/pay/sponsor',
    summary: 'Whom to name as the sponsor of a transaction that this relay shall send, and for what fee.',
    answers: { 200: json('The fees, in units of the token.', quoteSchema) },
  },
  {
    method: 'post',
    path: '/pay/sponsor',
    summary: 'Sends an opening, a top-up, an announced withdrawal or a payout for an account without gas.',
    request: sponsorBodySchema,
    answers: { 200: json('The transaction, once the chain has confirmed it.', sentSchema) },
  },
  {
    method: 'post',
    path: '/pay/orders',
    summary: 'Leaves a claim order of a provider that goes offline.',
    request: orderBodySchema,
    answers: { 200: json('It is stored.', entrustedSchema) },
  },
];

const escrowRoutes: readonly RouteDescription[] = [
  {
    method: 'post',
    path: '/llm/escrow',
    summary:
      'Sets credits aside for a job of another wallet, or draws up a channel for its tokens: the most that it may cost. The same again changes nothing.',
    request: escrowRequestSchema,
    answers: {
      200: json(
        'They are held until the job is released, or its deadline has passed.',
        z.union([escrowSchema, chainEscrowSchema]),
      ),
    },
    credential: 'session',
  },
  {
    method: 'post',
    path: '/llm/release',
    summary: 'Pays the provider for what was delivered, once; the rest goes back.',
    request: releaseRequestSchema,
    answers: { 200: json('It is paid.', escrowSchema) },
    credential: 'session',
  },
  {
    method: 'post',
    path: '/llm/refund',
    summary: 'Gives everything back: for the payer after the deadline, for the provider at any time.',
    request: refundRequestSchema,
    answers: { 200: json('It is back.', z.union([escrowSchema, chainEscrowSchema])) },
    credential: 'session',
  },
];

const relayRoutes: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/openapi.json',
    summary: 'This document.',
    answers: { 200: json('An OpenAPI 3.1 document.', z.looseObject({ openapi: z.literal('3.1.0') })) },
  },
  {
    method: 'get',
    path: '/v1/reference',
    summary: 'The same as a page.',
    answers: { 200: text('The page.', 'text/html') },
  },
  {
    method: 'get',
    path: '/health',
    summary: 'Whether the relay accepts requests, and how much it does.',
    answers: { 200: json('It does.', healthSchema), 503: json('It is shutting down.', healthSchema) },
  },
  {
    method: 'get',
    path: '/ready',
    summary: 'Whether a request would be served now.',
    answers: { 200: json('It would.', readySchema), 503: json('It would not, and why.', readySchema) },
  },
  {
    method: 'get',
    path: '/metrics',
    summary: "Counts for a monitor, for this machine or by the operator's token.",
    answers: { 200: text("Prometheus's text format.", 'text/plain') },
  },
  {
    method: 'get',
    path: '/relay.json',
    summary: "The relay's identity, from which peers find it.",
    answers: { 200: json('Who it is.', relayInfoSchema) },
  },
];

/** Every route that can be answered. Those of kinds that no peer serves yet are not told. */
export const describeRoutes = (endpoints: Readonly<Record<string, Endpoint>>): readonly RouteDescription[] => [
  ...Object.entries(endpoints).map(([path, endpoint]) => jobRoute(path, endpoint)),
  ...reads,
  ...walletRoutes,
  ...creditRoutes,
  ...paymentRoutes,
  ...escrowRoutes,
  ...relayRoutes,
];
