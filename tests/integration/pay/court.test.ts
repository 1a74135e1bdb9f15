import { afterAll, beforeAll, test } from 'vitest';
import { courtCases, type CourtTown } from '../../compliance/court.ts';
import { startLocalChain, type LocalChain } from './chain.fixture.ts';
import { openCourt } from './court.fixture.ts';

let local: LocalChain;
let town: CourtTown;
beforeAll(async () => {
  local = await startLocalChain();
  town = await openCourt(local, local.chain());
});
afterAll(() => local.stop());

test.each(courtCases.map((one) => [one.name, one.run] as const))('on a chain: %s', (_name, run) => run(town));
