import { expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createAuditBook } from '#lib/peer/tiers/audits.ts';
import { gatewayFixture } from '../gateway.fixture.ts';

const peers = [1, 2, 3].map((seed) => createSigner(new Uint8Array(32).fill(seed)).peer);
const rows = peers.map((worker, place) => ({
  worker,
  answers: 3 - place,
  tokensIn: 30,
  tokensOut: 300 - 100 * place,
  lastAt: 5_999,
}));
const top = async () => rows;

const told = async (path: string, over: object = {}) => {
  const response = await gatewayFixture(() => (async function* () {})() as never, { work: { top }, ...over }).request(
    path,
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

test('places are told by the page, with names that their owners chose', async () => {
  const directory = { entries: () => [{ offer: { peer: peers[1], nickname: 'Loom', tiers: [], models: [] } }] };
  const { body } = await told('/v1/leaderboard?limit=1&offset=1', { directory });
  expect(body).toEqual({
    object: 'list',
    days: 30,
    total: 3,
    data: [
      {
        rank: 2,
        peer: peers[1],
        nickname: 'Loom',
        answers: 2,
        tokens_in: 30,
        tokens_out: 200,
        last_at: 5,
        audited: null,
      },
    ],
  });
});

test('who was convicted has no place, and the next one moves up', async () => {
  const audits = createAuditBook();
  const none = { receipts: 9, audited: 4, validators: 3, convictions: 0 };
  audits.note(peers[0]!, { ...none, convictions: 1 });
  audits.note(peers[1]!, none);
  const { body } = await told('/v1/leaderboard?days=1', { audits });
  expect(body['data']).toMatchObject([
    { rank: 1, peer: peers[1], audited: 4 },
    { rank: 2, peer: peers[2], audited: 0 },
  ]);
});

test.each(['days=0', 'days=91', 'limit=0', 'limit=101', 'offset=1001', 'offset=-1', 'limit=1e1'])(
  'a query of %s is refused',
  async (query) => expect((await told(`/v1/leaderboard?${query}`)).status).toBe(400),
);
