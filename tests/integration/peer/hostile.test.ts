import { expect, test } from 'vitest';
import { createArena } from '../../hostile/arena.ts';
import { attacks, type AttackName } from '../../hostile/attacks.ts';
import { breachesOf, playRound } from '../../hostile/run.ts';

/** The short form of `npm run hostile`: peers written from the wire document alone, over real sockets. */
test('all attacks at once, by peers that have passed their auditions, cost next to nothing', async () => {
  const arena = await createArena({ auditions: 'passed' });
  const names = Object.keys(attacks) as AttackName[];
  const round = await playRound(arena, 'all at once', names, { identities: 16, zones: 4, jobs: 100, network: 20 });
  await arena.stop();
  expect(breachesOf(round, 'some')).toEqual([]);
  expect(round.during.hostileAttempts).toBeGreaterThan(0);
});
