import { expect, test } from 'vitest';
import { activity, addressKinds } from './activity.ts';

const job = (at: number, tokensOut = 10) =>
  ({ at, model: 'm', peer: undefined, outcome: 'finished', tokensOut, ms: 1 }) as const;
const by = { count: 3, stretchMs: 60_000 };

test('jobs are counted in the stretch in which they ended, and quiet stretches are there', () => {
  const now = 600_000 + 30_000;
  expect(activity([job(600_000), job(629_999, 5), job(480_000)], now, by)).toEqual([
    { from: 480_000, tokens: 10, jobs: 1 },
    { from: 540_000, tokens: 0, jobs: 0 },
    { from: 600_000, tokens: 15, jobs: 2 },
  ]);
});

test('what is older, or dated ahead, is in none', () => {
  const all = activity([job(479_999), job(660_000), job(9e15)], 630_000, by);
  expect(all.map(({ jobs }) => jobs)).toEqual([0, 0, 0]);
});

test('addresses are told by their kind, and WebRTC is no relaying', () => {
  const kinds = addressKinds([
    '/ip4/10.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/p2p/A',
    '/ip4/10.0.0.1/tcp/1/ws/p2p/R/p2p-circuit/webrtc/p2p/A',
    '/dns4/a.example/tcp/443/wss/p2p/A',
    '/ip4/10.0.0.2/udp/1/webrtc-direct/certhash/x/p2p/A',
  ]);
  expect(Object.fromEntries(kinds)).toEqual({ relayed: 1, webrtc: 1, direct: 2 });
});
