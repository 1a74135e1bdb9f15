import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { readLeaderboard } from './read-leaderboard.ts';

const place = {
  rank: 3,
  peer: '12D3',
  nickname: null,
  answers: 2,
  tokens_in: 9,
  tokens_out: 40,
  last_at: 1_700_000_000,
  audited: 0,
};
const query = { days: 7, limit: 2, offset: 2 };

test('places are asked for by days and page', async () => {
  const asked: unknown[] = [];
  const fetch = (async (path) => {
    asked.push(path);
    return Response.json({ object: 'list', days: 7, total: 4, data: [place, { ...place, rank: 4, audited: null }] });
  }) as typeof globalThis.fetch;
  const read = { rank: 3, peer: '12D3', answers: 2, tokens: 40, lastAt: 1_700_000_000_000, audited: 0 };
  expect(await readLeaderboard(fetch, query)).toEqual({
    total: 4,
    places: [
      { ...read, nickname: undefined },
      { ...read, rank: 4, nickname: undefined, audited: undefined },
    ],
  });
  expect(asked).toEqual(['/v1/leaderboard?days=7&limit=2&offset=2']);
});

test.each([
  ['a relay that knows no such path', {}, 404],
  ['a count below zero', { total: 1, data: [{ ...place, answers: -1 }] }, 200],
  ['a time that is none', { total: 1, data: [{ ...place, last_at: 1e15 }] }, 200],
])('%s has no leaderboard', async (_, body, status) => {
  const fetch = (async () => Response.json(body, { status })) as typeof globalThis.fetch;
  expect(await readLeaderboard(fetch, query).catch(errorCode)).toBe('net-offline');
});
