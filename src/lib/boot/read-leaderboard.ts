import { z } from 'zod';
import type { AbortOptions } from '#lib/base/abort.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Fetch } from '#lib/base/read-json.ts';
import type { LeaderboardQuery, LeaderboardView } from '#lib/state/network.ts';
import { readOwnRelay } from './read-own-relay.ts';

const placesMax = 100;
/** The last second that a date can have. */
const secondsMax = 8_640_000_000_000;
const unread = {
  code: 'net-offline',
  message: 'The relay of this page does not say who has worked for it. Try again later.',
};

const count = z.number().int().nonnegative();
const listSchema = z.object({
  total: count,
  data: z
    .array(
      z.object({
        rank: z.number().int().positive(),
        peer: z.string().max(128),
        nickname: z.string().max(64).nullable(),
        answers: count,
        tokens_out: count,
        last_at: count.max(secondsMax),
        audited: count.nullable(),
      }),
    )
    .max(placesMax),
});

/**
 * Places of the leaderboard of this page's relay (`GET /v1/leaderboard`).
 * @throws `net-offline` where it does not answer in this form; `aborted`.
 */
export async function readLeaderboard(
  fetch: Fetch,
  { days, limit, offset }: LeaderboardQuery,
  options?: AbortOptions,
): Promise<LeaderboardView> {
  const path = `/v1/leaderboard?days=${days}&limit=${limit}&offset=${offset}` as const;
  const answer = await readOwnRelay(fetch, path, listSchema, unread, options);
  if (!answer) throw new TabloomError(unread.code, unread.message);
  return {
    total: answer.total,
    places: answer.data.map(({ rank, peer, nickname, answers, tokens_out, last_at, audited }) => ({
      rank,
      peer,
      nickname: nickname ?? undefined,
      answers,
      tokens: tokens_out,
      lastAt: last_at * 1_000,
      audited: audited ?? undefined,
    })),
  };
}
