import { manualClock } from '#lib/base/clock.fixture.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createDirectory } from '#lib/market/directory.ts';
import { artefactA, envelopeFixture, modelFixture, nowMs, marketOffer } from '#lib/market/offer.fixture.ts';
import { route, type Knowledge } from '#lib/market/route.ts';
import { drawSample } from '#lib/market/sample.ts';
import type { RouteQuery } from '#lib/market/spec.ts';
import { noStanding, standingLimits } from '#lib/market/standing.ts';
import { limits } from '#lib/protocol/limits.ts';
import { median, spread, type Row } from './row.ts';

const runs = 9;
const jobsPerRun = 500;
const offers = limits.directoryOffersMax;

/** What finding and choosing a worker costs in a full directory: everybody serves the model, or one in a hundred does. */
export default async function directory(): Promise<readonly Row[]> {
  return [...rowsOf('all serve it', 1), ...rowsOf('one in a hundred serves it', 100)];
}

function rowsOf(circumstances: string, everyNth: number): readonly Row[] {
  const full = createDirectory({ clock: manualClock(nowMs) });
  for (let i = 0; i < offers; i++) {
    const artefact = i % everyNth === 0 ? artefactA : 'b'.repeat(64);
    const models = [modelFixture({ artefact, running: i % 2 }), modelFixture({ artefact: 'c'.repeat(64), name: 'c' })];
    full.consider(marketOffer(`P${i}x`, { models }), envelopeFixture);
  }
  if (full.size !== offers) throw new Error('the directory did not take all offers');
  const model = { artefact: artefactA };
  const wish: RouteQuery = { model, tier: 'open', contextTokens: 200, kind: 'chat' };
  const find = () =>
    drawSample(full.serving(model), limits.findLimitMax, systemRandom, ({ expiresAt }) => expiresAt > nowMs);
  const known = { ...noStanding, finished: standingLimits.establishedAt, broken: { lost: 1 }, at: nowMs };
  // One in ten has standing, and all are spread over addresses.
  const knowledge: Knowledge = {
    standing: (peer) => (peer.charCodeAt(9) % 10 === 0 ? known : undefined),
    zone: (peer) => peer.slice(9, 11),
  };
  const choose = () => {
    if (!route(wish, full, knowledge, { random: systemRandom, now: nowMs }).candidate)
      throw new Error('nobody was chosen');
  };
  return [
    rowOf(`a sample of ${limits.findLimitMax} out of ${offers} offers`, circumstances, '0.1 ms at most', find),
    rowOf(`choosing a worker out of ${offers} offers`, circumstances, '0.3 ms at most', choose),
  ];
}

function rowOf(what: string, circumstances: string, goal: string, work: () => void): Row {
  const times: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const before = process.cpuUsage();
    for (let i = 0; i < jobsPerRun; i++) work();
    const { user, system } = process.cpuUsage(before);
    // The first run warms the compiler up.
    if (run > 0) times.push((user + system) / 1_000 / jobsPerRun);
  }
  return {
    what,
    value: `${median(times).toFixed(3)} ms`,
    goal,
    note: `processor time; ${circumstances}; ${spread(times, 3)}`,
  };
}
