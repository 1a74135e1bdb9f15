import { z } from 'zod';
import { peerIdSchema } from '#lib/protocol/ids.ts';
import { offeredModelSchema, offerSchema } from '#lib/protocol/offer.ts';
import { auditSchema, receiptRecordSchema } from '../answer-extension.ts';

/** Bodies of the routes that only tell how things are. Times are seconds since 1970, rates tokens per second. */

const countSchema = z.number().int().nonnegative();
const words = z.array(z.string()).readonly();

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: countSchema,
  owned_by: z.literal('tabloom'),
  tabloom: z.object({
    artefacts: words,
    /** Whether all of them were checked before they were offered, by the catalogue or a listing. */
    listed: z.boolean(),
    /** The signed listings among those, each with the peer that signed it. Left out where there is none. */
    listings: z.array(z.object({ artefact: z.string(), by: peerIdSchema, expires_at: countSchema })).optional(),
    peers: countSchema,
    /** The largest among its workers. */
    contextTokens: countSchema,
    /** Kinds of work and features of at least one worker. */
    kinds: words,
    features: words,
  }),
});

export const modelListSchema = z.object({ object: z.literal('list'), data: z.array(modelSchema) });

const { peer, role, engine, tiers, hardware } = offerSchema.shape;

export const networkSchema = z.object({
  object: z.literal('network'),
  workers_total: countSchema,
  models: z.array(
    z.object({
      artefact: z.string(),
      name: z.string(),
      quantisation: z.string(),
      workers: countSchema,
      slots: countSchema,
      running: countSchema,
      queued: countSchema,
      decodeTps: z.number().nonnegative(),
      contextTokens: countSchema,
      tiers: words,
      /** Answered by other providers, whom workers pay. */
      upstream: z.literal(true).optional(),
    }),
  ),
  workers: z.array(
    z.object({
      peer,
      role,
      engine,
      hardware: hardware
        .unwrap()
        .extend({ status: z.enum(['claimed', 'measured']) })
        .optional(),
      /** As this relay has checked them, and `open`. */
      tiers,
      audit: auditSchema.optional(),
      models: z.array(offeredModelSchema),
      /** Whom a model with a price is paid for, and what the chain's registry says of it, where this relay knows. */
      payout: z
        .object({
          chain: z.number().int(),
          provider: z.string(),
          registration: z.enum(['unregistered', 'described', 'listed', 'mismatched']).optional(),
        })
        .optional(),
    }),
  ),
});

export const routeSchema = z.object({
  object: z.literal('route'),
  model: z.string(),
  workers: z.array(z.object({ peer: peerIdSchema, reason: z.string() })).readonly(),
});

export const receiptListSchema = z.object({
  object: z.literal('list'),
  job: z.string(),
  data: z.array(
    receiptRecordSchema.extend({
      audit: auditSchema.optional(),
      /** Of an answer that was released to be checked: how far that has come, and what it ended with. */
      released: z.object({ phase: z.string(), outcome: z.string().optional() }).optional(),
    }),
  ),
});

/** The relay's health. Counts only: it names no peer and no prompt. */
export type Health = z.output<typeof healthSchema>;

export const healthSchema = z.object({
  ok: z.boolean(),
  state: z.enum(['serving', 'draining']),
  build: z.string(),
  uptimeMs: countSchema,
  /** Peers connected to this relay. */
  peers: countSchema,
  /** Workers in the directory. */
  offers: countSchema,
  jobs: z.object({
    running: countSchema,
    finished: countSchema,
    failed: countSchema,
    cancelled: countSchema,
    tokensOut: countSchema,
  }),
  native: z.object({
    state: z.enum(['off', 'starting', 'serving', 'failed', 'stopped']),
    running: countSchema,
    queued: countSchema,
    /** Answers of other providers that it pays, since midnight UTC. */
    upstream: z.object({ requestsToday: countSchema, tokensToday: countSchema }).optional(),
    /** The reason for `failed`. */
    error: z.object({ code: z.string(), message: z.string() }).optional(),
  }),
  /** Processes that answer for this relay, where it has some. */
  gateways: z.object({ ready: countSchema, starting: countSchema }).optional(),
});

export const readySchema = z.object({
  ready: z.boolean(),
  reason: z.enum(['no-worker', 'draining', 'ledger-unavailable']).nullable(),
});
