import { expect, test } from 'vitest';
import { initialJob, isOver, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { scriptedTokens } from '#lib/engine/scripted-text.ts';
import { answerTokens, createTown, type Town } from './town.ts';

interface Asked {
  readonly prompt: string;
  readonly stop: AbortController;
  state: JobState;
  ends: number;
  afterTheEnd: number;
  ignored: number;
  over: boolean;
}

const endings: readonly JobEvent['type'][] = ['job-finished', 'job-failed', 'job-cancelled'];

function ask(town: Town, number: number): Asked {
  const asker = town.askers[Math.floor(town.random.float() * town.askers.length)]!;
  const prompt = `question ${number}`;
  const asked: Asked = {
    prompt,
    stop: new AbortController(),
    state: initialJob,
    ends: 0,
    afterTheEnd: 0,
    ignored: 0,
    over: false,
  };
  const request = {
    model: 'any',
    kind: 'completion',
    input: { prompt },
    params: { maxTokens: 100, temperature: 0 },
    tier: 'open',
    deadlineMs: 20_000,
  } as const;
  const run = async () => {
    for await (const event of asker.consumer.ask(request, { signal: asked.stop.signal })) {
      if (asked.ends > 0) asked.afterTheEnd += 1;
      if (endings.includes(event.type)) asked.ends += 1;
      const next = reduceJob(asked.state, event);
      if (next === asked.state) asked.ignored += 1;
      asked.state = next;
    }
    asked.over = true;
  };
  void run();
  return asked;
}

/** One thing that happens in the town. */
async function happen(town: Town, jobs: Asked[]): Promise<void> {
  const { random, network, houses } = town;
  const house = Math.floor(random.float() * houses.length);
  const living = houses[house];
  const chance = random.float();
  if (chance < 0.5) jobs.push(ask(town, jobs.length));
  else if (chance < 0.6) jobs[Math.floor(random.float() * jobs.length)]?.stop.abort();
  else if (chance < 0.68) town.kill(house);
  else if (chance < 0.82) await (living ? undefined : town.moveIn(house));
  else if (chance < 0.86) living?.peer.provider.pause();
  else if (chance < 0.92) living?.peer.provider.resume();
  else if (chance < 0.96 && living) network.freeze(living.peer.self);
  else if (living) network.thaw(living.peer.self);
}

test.each([1, 2, 3, 4])('whoever comes and goes, every job ends once and is run once (seed %i)', async (seed) => {
  const town = await createTown(seed, { workers: 4, askers: 3 });
  town.network.setConditions({ latencyMs: 5, jitterMs: 10, publishLoss: 0.05, openFailure: 0.05 });
  for (let house = 0; house < 3; house++) await town.moveIn(house);
  await town.pass(500);

  const jobs: Asked[] = [];
  for (let step = 0; step < 60; step++) {
    await happen(town, jobs);
    await town.pass(10 + Math.floor(town.random.float() * 15) * 10);
  }
  for (const house of town.houses) {
    if (!house) continue;
    town.network.thaw(house.peer.self);
    house.peer.provider.resume();
  }
  for (let waits = 0; waits < 60 && jobs.some(({ over }) => !over); waits++) await town.pass(500);
  await town.pass(2_000);

  expect(jobs.length).toBeGreaterThan(20);
  for (const job of jobs) {
    expect([job.prompt, job.over, job.ends, job.afterTheEnd, job.ignored, isOver(job.state)]).toEqual([
      job.prompt,
      true,
      1,
      0,
      0,
      true,
    ]);
    if (job.state.phase !== 'finished') continue;
    const whole = scriptedTokens(job.prompt, 0, { answerTokens, text: undefined });
    expect(job.state.text).toBe(whole.map(({ text }) => text).join(''));
    expect(job.state.attempts.at(-1)?.settlement?.receiptCheck).toEqual({
      signature: true,
      worker: true,
      prompt: true,
      output: true,
      counts: true,
    });
  }
  expect(jobs.filter(({ state }) => state.phase === 'finished').length).toBeGreaterThan(5);
  expect([...town.runs].filter(([, times]) => times > 1)).toEqual([]);
  expect(town.breaches).toEqual([]);
  for (const house of town.houses)
    expect(house?.peer.provider.state ?? { running: 0, queued: 0 }).toMatchObject({ running: 0, queued: 0 });
  // What is still open is one find stream for each peer that lives, and one again for each that was frozen and came back.
  const living = town.askers.length + town.houses.filter(Boolean).length;
  expect(town.network.openChannels).toBeLessThanOrEqual(2 * living);
});
