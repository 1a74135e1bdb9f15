import type { Handler } from 'hono';
import { z } from 'zod';
import type { Directory } from '#lib/market/spec.ts';
import type { AuditBook } from '#lib/peer/tiers/audits.ts';
import { peerIdSchema, type PeerId } from '#lib/protocol/ids.ts';
import { parseMember } from '../request.ts';

/** Work by receipts that this relay has checked and countersigned. */
export interface WorkReader {
  /** Of the last days of UTC, in falling order of tokens written. */
  top(days: number): Promise<
    readonly {
      readonly worker: string;
      readonly answers: number;
      readonly tokensIn: number;
      readonly tokensOut: number;
      /** Milliseconds since the epoch. */
      readonly lastAt: number;
    }[]
  >;
}

export interface LeaderboardComponents {
  readonly work: WorkReader;
  readonly directory: Pick<Directory, 'entries'>;
  readonly audits?: Pick<AuditBook, 'entries'> | undefined;
}

const daysMax = 90;
const limitMax = 100;
/** Places that are told of at all. */
const placesMax = 1_000;

const whole = (least: number, most: number, standard: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,4}$/, { error })
    .transform(Number)
    .pipe(z.number().int().min(least, { error }).max(most, { error }))
    .default(standard);
};

export const leaderboardQuerySchema = z.object({
  days: whole(1, daysMax, 30),
  limit: whole(1, limitMax, 50),
  offset: whole(0, placesMax, 0),
});

const countSchema = z.number().int().nonnegative();
export const leaderboardSchema = z.object({
  object: z.literal('list'),
  days: countSchema,
  /** Workers in all that have a place, at most a thousand. */
  total: countSchema,
  data: z
    .array(
      z.object({
        rank: z.number().int().positive(),
        peer: peerIdSchema,
        /** What its owner chose to be called, while it is here; anybody may take any name. */
        nickname: z.string().nullable(),
        answers: countSchema,
        tokens_in: countSchema,
        tokens_out: countSchema,
        /** In seconds since 1970. */
        last_at: countSchema,
        /** Answers of it that others have re-scored, for whomever; null where this relay follows no audits. */
        audited: countSchema.nullable(),
      }),
    )
    .max(limitMax),
});

/** `GET /v1/leaderboard`: who has worked most for this relay. Whoever was convicted, and not cleared since, has no place. */
export const showLeaderboard =
  ({ work, directory, audits }: LeaderboardComponents): Handler =>
  async (context) => {
    const { days, limit, offset } = parseMember(leaderboardQuerySchema, {
      days: context.req.query('days'),
      limit: context.req.query('limit'),
      offset: context.req.query('offset'),
    });
    const known = new Map(audits?.entries());
    const nicknames = new Map(directory.entries().map(({ offer }) => [offer.peer, offer.nickname]));
    const placed = (await work.top(days))
      .filter(({ worker }) => (known.get(worker as PeerId)?.convictions ?? 0) === 0)
      .slice(0, placesMax);
    context.header('cache-control', 'no-store');
    return context.json<z.output<typeof leaderboardSchema>>({
      object: 'list',
      days,
      total: placed.length,
      data: placed.slice(offset, offset + limit).map(({ worker, answers, tokensIn, tokensOut, lastAt }, place) => ({
        rank: offset + place + 1,
        peer: worker as PeerId,
        nickname: nicknames.get(worker as PeerId) ?? null,
        answers,
        tokens_in: tokensIn,
        tokens_out: tokensOut,
        last_at: Math.floor(lastAt / 1_000),
        audited: audits ? (known.get(worker as PeerId)?.audited ?? 0) : null,
      })),
    });
  };
