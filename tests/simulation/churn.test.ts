import { expect, test } from 'vitest';
import { initialJob, isOver, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { scriptedTokens } from '#lib/engine/scripted-text.ts';
import { answerTokens, createCluster, type Cluster } from './cluster.ts';

interface Asked {
  readonly prompt: string;
  readonly stop: AbortController;
  state: JobState;
  ends: number;
  afterTheEnd: number;
  ignored: number;
  over: boolean;
  /** Workers that could have been asked when it failed, other than for want of room. */
  givenUpBeside: readonly string[];
}

const endings: readonly JobEvent['type'][] = ['job-finished', 'job-failed', 'job-cancelled'];

function ask(cluster: Cluster, number: number): Asked {
  const asker = cluster.askers[Math.floor(cluster.random.float() * cluster.askers.length)]!;
  const prompt = `question ${number}`;
  const asked: Asked = {
    prompt,
    stop: new AbortController(),
    state: initialJob,
    ends: 0,
    afterTheEnd: 0,
    ignored: 0,
    over: false,
    givenUpBeside: [],
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
      if (event.type === 'job-failed' && event.error.code !== 'busy') asked.givenUpBeside = cluster.able(2_500);
      const next = reduceJob(asked.state, event);
      if (next === asked.state) asked.ignored += 1;
      asked.state = next;
    }
    asked.over = true;
  };
  void run();
  return asked;
}

/** Does one thing at random: a job, a stop, a crash, a start, a pause. */
async function disturb(cluster: Cluster, jobs: Asked[]): Promise<void> {
  const { random, slots } = cluster;
  const slot = Math.floor(random.float() * slots.length);
  const worker = slots[slot];
  const chance = random.float();
  if (chance < 0.5) jobs.push(ask(cluster, jobs.length));
  else if (chance < 0.6) jobs[Math.floor(random.float() * jobs.length)]?.stop.abort();
  else if (chance < 0.68) cluster.kill(slot);
  else if (chance < 0.82) await (worker ? undefined : cluster.startWorker(slot));
  else if (chance < 0.86) worker?.peer.provider.pause();
  else if (chance < 0.92) worker?.peer.provider.resume();
  else if (chance < 0.96 && worker) cluster.freeze(slot);
  else if (worker) cluster.thaw(slot);
}

test.each([1, 2, 3, 4])('whatever starts and crashes, every job ends once and is run once (seed %i)', async (seed) => {
  const cluster = await createCluster(seed, { workers: 4, askers: 3 });
  cluster.network.setConditions({ latencyMs: 5, jitterMs: 10, publishLoss: 0.05, openFailure: 0.05 });
  for (let slot = 0; slot < 3; slot++) await cluster.startWorker(slot);
  await cluster.advance(500);

  const jobs: Asked[] = [];
  for (let step = 0; step < 60; step++) {
    await disturb(cluster, jobs);
    await cluster.advance(10 + Math.floor(cluster.random.float() * 15) * 10);
  }
  for (const [slot, worker] of cluster.slots.entries()) {
    cluster.thaw(slot);
    worker?.peer.provider.resume();
  }
  for (let waits = 0; waits < 60 && jobs.some(({ over }) => !over); waits++) await cluster.advance(500);
  await cluster.advance(2_000);

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
      payment: true,
    });
  }
  expect(jobs.filter(({ state }) => state.phase === 'finished').length).toBeGreaterThan(5);
  expect(
    jobs.flatMap(({ prompt, givenUpBeside }) => givenUpBeside.map((run) => `${prompt}: ${run} was there`)),
  ).toEqual([]);
  expect([...cluster.runs].filter(([, times]) => times > 1)).toEqual([]);
  expect(cluster.violations).toEqual([]);
  for (const worker of cluster.slots)
    expect(worker?.peer.provider.state ?? { running: 0, queued: 0 }).toMatchObject({ running: 0, queued: 0 });
  // Streams of whoever was killed or frozen in them end by their own limits; then each running peer has one to its relay.
  await cluster.advance(60_000);
  expect(cluster.network.openChannels).toBe(cluster.askers.length + cluster.slots.filter(Boolean).length);
});
