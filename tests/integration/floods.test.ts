import { expect, test } from 'vitest';
import { floodBreaches, playFloods } from '../hostile/floods.ts';

test('A11, A13: floods of one address fill nothing, and who asks from another is answered', async () => {
  const counts = { frames: 100, offers: 200, openings: 600, sockets: 200, connections: 300 };
  const rounds = await playFloods(counts, { times: 1 });
  expect(rounds.flatMap(floodBreaches)).toEqual([]);
  for (const { kind, jobs } of rounds) expect(jobs, kind).toBeGreaterThan(0);
  const refused = Object.fromEntries(rounds.map((round) => [round.kind, round.refused]));
  // 256 from one address, and a burst of as many before the rate counts: 44 are left, but for the place of one that was let go meanwhile.
  expect(refused['connections']).toBeGreaterThan(20);
}, 120_000);
