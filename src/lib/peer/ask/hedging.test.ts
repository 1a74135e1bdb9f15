import { expect, test } from 'vitest';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { brokenOf } from '#lib/market/standing.ts';
import { chat, createWorld, demo, follow, pass, until, type World } from '../peer.fixture.ts';
import { allReceiptsHold } from '../session/attempt.ts';
import { createHedging } from './hedging.ts';

test('second workers are at most two in a hundred free jobs, and few are saved up', () => {
  const hedging = createHedging();
  let hedges = 0;
  for (let job = 1; job <= 5_000; job++) {
    hedging.earn();
    if (hedging.isDue) {
      hedging.spend();
      hedges += 1;
    }
    expect(hedges).toBeLessThanOrEqual(job * 0.02 + 1e-6);
  }
  expect(hedges).toBeGreaterThan(95);
  for (let job = 0; job < 5_000; job++) hedging.earn();
  for (let use = 0; use < 2; use++) hedging.spend();
  expect(hedging.isDue).toBe(false);
});

test('late is what is later than all but one in twenty were, against what was expected of each', () => {
  const hedging = createHedging();
  expect(hedging.afterMs(2_000)).toBe(6_000);
  expect(hedging.afterMs(10)).toBe(1_000);
  for (let job = 1; job <= 100; job++) hedging.note(1_000, job * 20);
  expect(hedging.afterMs(2_000)).toBeCloseTo(2_000 * 1.92, 5);
  for (let job = 0; job < 200; job++) hedging.note(1_000, 900);
  expect(hedging.afterMs(2_000)).toBeCloseTo(1_800, 5);
  hedging.note(0, 1);
  expect(hedging.afterMs(2_000)).toBeCloseTo(1_800, 5);
});

/** A model whose first words take as long as the test says. */
async function lateModel(world: World, waits: { ms: number }): Promise<LoadedModel> {
  const model = await createScriptedEngine({ clock: world.clock, answerTokens: 5, tokensPerSecond: 0 }).load(demo, {});
  return {
    ...model,
    async *doStream(request, options) {
      if (waits.ms > 0) await world.clock.delay(waits.ms, { signal: options.signal });
      yield* model.doStream(request, options);
    },
  };
}

/** Workers that were never late, and an asker that has given each of them fifty jobs: two hedges are saved up. */
async function town(workers = 2) {
  const world = createWorld(5);
  const waits = new Map<string, { ms: number }>();
  const shared: Awaited<ReturnType<World['worker']>>[] = [];
  for (let number = 1; number <= workers; number++) {
    const wait = { ms: 0 };
    const one = await world.worker(number, { model: await lateModel(world, wait) });
    waits.set(one.net.self, wait);
    shared.push(one);
  }
  const asker = await world.asker(9);
  const ask = (text: string) => follow(asker.consumer, chat(text));
  for (let job = 0; job < 100; job++) {
    const { net } = shared[job % workers]!;
    const done = follow(asker.consumer, chat(`warm up ${job}`, { only: [net.self] }));
    await until(world.clock, () => done.over);
  }
  /** Canaries follow jobs. */
  const settle = async () => {
    await pass(world.clock, 20_000);
    for (const { announce } of shared) announce();
  };
  await settle();
  return { world, waits, workers: shared, asker, ask, settle };
}

const outcomes = (job: ReturnType<typeof follow>) => job.state.attempts.map(({ outcome }) => outcome);

test('whoever speaks first answers, the other one is stopped at once and judged by nobody, as often as the budget allows', async () => {
  const { world, waits, workers, asker, ask, settle } = await town();
  const broken = () => workers.map(({ net }) => brokenOf(asker.trackRecord.standing(net.self, demo.artefact)!));
  const brokenBefore = broken();
  const both = () => workers.every(({ provider }) => provider.state.running === 1);

  for (const wait of waits.values()) wait.ms = 8_000;
  const late = ask('late');
  await until(world.clock, () => late.state.phase === 'queued');
  for (const [peer, wait] of waits) if (peer !== late.state.worker!.peer) wait.ms = 0;
  await until(world.clock, () => late.over, 5_000);
  expect(outcomes(late)).toEqual(['cancelled', 'finished']);
  const [, second] = late.state.attempts;
  expect(second).toMatchObject({ fromToken: 0, settlement: { usage: { tokensOut: late.state.tokens } } });
  expect(late.state.usage?.tokensOut).toBe(late.state.tokens);
  expect(allReceiptsHold(late.state)).toBe(true);
  await settle();

  for (const wait of waits.values()) wait.ms = 4_000;
  const first = ask('the first one speaks after all');
  await until(world.clock, both);
  await until(world.clock, () => first.over, 8_000);
  expect(outcomes(first)).toEqual(['finished']);
  await settle();

  const third = ask('late once more');
  let hedged = false;
  await until(world.clock, () => third.over || ((hedged ||= both()), false), 8_000);
  expect(hedged).toBe(false);
  await settle();

  for (const { provider } of workers) expect(provider.state).toMatchObject({ running: 0, queued: 0, jobsFailed: 0 });
  for (const { net } of workers) expect(asker.trackRecord.underWay(net.self, demo.artefact)).toBe(0);
  expect(broken()).toEqual(brokenBefore.map((before) => expect.closeTo(before, 3)));
  expect(world.network.openChannels).toBe(0);
});

test('nobody is asked beside the first where the model has a queue', async () => {
  const { world, waits, workers, ask, settle } = await town();
  for (const wait of waits.values()) wait.ms = 4_000;
  for (const { provider, announce } of workers) {
    const [model] = provider.servedModels('network')!.models;
    announce({ models: [{ ...model!, queued: 1 }] });
  }
  const job = ask('late');
  let most = 0;
  await until(
    world.clock,
    () => {
      // Once it is over, a canary may begin.
      if (!job.over) most = Math.max(most, workers.filter(({ provider }) => provider.state.running > 0).length);
      return job.over;
    },
    8_000,
  );
  expect([job.state.phase, most]).toEqual(['finished', 1]);
  await settle();
});
