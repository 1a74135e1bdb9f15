import type { Handler } from 'hono';
import { z } from 'zod';
import type { JudgeBook } from '#lib/peer/audit/judge-book.ts';
import type { AuditBook } from '#lib/peer/tiers/audits.ts';
import { calibrationRowSchema, type CalibrationRow } from '#lib/trust/calibration.ts';
import { isFit } from '#lib/trust/judge-standing.ts';
import { peerIdSchema } from '#lib/protocol/ids.ts';

export interface AuditComponents {
  /** Undefined where this relay follows no audits. */
  readonly audits?: Pick<AuditBook, 'entries'> | undefined;
  /** How validators have judged. */
  readonly judges?: JudgeBook['entries'] | undefined;
  /** By what honest margins panels judge, and what this relay has learned of them. */
  readonly calibrations?:
    { readonly published: readonly CalibrationRow[]; learned(): readonly CalibrationRow[] } | undefined;
  /** Where jobs cost anything. */
  readonly levy?: (() => Promise<z.output<typeof levySchema>>) | undefined;
}

/** Workers that are told of at once. */
const workersMax = 1_024;
const countSchema = z.number().int().nonnegative();

const levySchema = z.object({
  /** Of the prices of the verified tier, from 0 to 1. */
  share: z.number(),
  balance: z.string(),
  /** What the operator has paid beside it since midnight of UTC, and the most that he pays in a day. */
  subsidised_today: z.string(),
  subsidy_max: z.string(),
});

export const auditListSchema = z.object({
  object: z.literal('list'),
  /** Whether this relay keeps a record at all: without one, nothing is known of anybody. */
  followed: z.boolean(),
  data: z
    .array(
      z.object({
        peer: peerIdSchema,
        /** In the epochs that this relay has heard of. */
        receipts: countSchema,
        /** Of those, answers that somebody has re-scored, with a verdict. */
        audited: countSchema,
        margin: z.number().optional(),
        /** Distinct peers that judged. */
        validators: countSchema,
        /** That no appeal has lifted. */
        convictions: countSchema,
      }),
    )
    .max(workersMax),
  /** Of the trials that this relay has heard of; those that are unfit should be named no longer. */
  judges: z.array(
    z.object({
      peer: peerIdSchema,
      /** How often it was called. */
      seats: countSchema,
      /** What it did wrong, by code, and how often. */
      faults: z.record(z.string(), countSchema),
      fit: z.boolean(),
    }),
  ),
  /** Margins of honest greedy answers in nats, by which the panels of this network judge. */
  calibrations: z.array(calibrationRowSchema),
  /** What this relay has learned of them, by which it judges alone. */
  learned: z.array(calibrationRowSchema),
  /** What pays for canaries, in credits as decimal text. Left out where nothing costs anything here. */
  levy: levySchema.optional(),
});

/** `GET /v1/audits`: what this relay has counted of each worker's audits; convictions first. */
export const showAudits =
  ({ audits, judges, calibrations, levy }: AuditComponents): Handler =>
  async (context) => {
    const standing = await levy?.();
    const known = [...(audits?.entries() ?? [])].toSorted(
      ([, a], [, b]) => b.convictions - a.convictions || b.audited - a.audited,
    );
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof auditListSchema>>({
      object: 'list',
      followed: audits !== undefined,
      data: known.slice(0, workersMax).map(([peer, { receipts, audited, margin, validators, convictions }]) => ({
        peer,
        receipts,
        audited,
        ...(margin === undefined ? {} : { margin }),
        validators,
        convictions,
      })),
      judges: (judges?.() ?? []).map(([peer, standing]) => ({
        peer,
        seats: standing.seats,
        faults: standing.faults as Record<string, number>,
        fit: isFit(standing),
      })),
      calibrations: [...(calibrations?.published ?? [])],
      learned: [...(calibrations?.learned() ?? [])],
      ...(standing ? { levy: standing } : {}),
    });
  };
