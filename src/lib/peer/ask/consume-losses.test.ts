import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import type { JobState } from '../session/job-state.ts';
import { limits } from '#lib/protocol/limits.ts';
import { accepted, finishOf, part } from './byzantine.fixture.ts';
import { createConsumer } from './consume.ts';
import { chat, createWorld, demo, follow, pass, until, type Script } from '../peer.fixture.ts';

/** The answer of the same world without a loss. */
async function undisturbed(request = chat('hello')): Promise<JobState> {
  const world = createWorld();
  await world.worker(1, { answerTokens: 100 });
  const asker = await world.asker(3);
  const job = follow(asker.consumer, request);
  await until(world.clock, () => job.over);
  return job.state;
}

test('an answer goes on at the next worker from the very character where the first was lost', async () => {
  const whole = await undisturbed();
  const world = createWorld();
  const workers = [await world.worker(1, { answerTokens: 100 }), await world.worker(2, { answerTokens: 100 })];
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.tokens >= 10);
  const { peer } = job.state.worker!;
  const { tokens, text } = job.state;
  world.network.kill(peer);
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', text: whole.text, usage: whole.usage, reason: whole.reason });
  expect(job.state.attempts).toMatchObject([
    { outcome: 'lost', worker: { peer }, fromToken: 0, toToken: tokens, toCharacter: text.length },
    {
      outcome: 'finished',
      fromToken: tokens,
      fromCharacter: text.length,
      settlement: { receiptCheck: { output: true } },
    },
  ]);
  const next = workers.find(({ net }) => net.self !== peer)!;
  expect(next.provider.state).toMatchObject({ jobsDone: 1, tokensOut: whole.tokens - tokens });
  expect(job.events.filter(({ type }) => type === 'worker-lost')).toHaveLength(1);
});

test('the answer of a page that is being closed goes on at once', async () => {
  const whole = await undisturbed();
  const world = createWorld();
  const workers = [await world.worker(1, { answerTokens: 100 }), await world.worker(2, { answerTokens: 100 })];
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.tokens >= 10);
  const { peer } = job.state.worker!;
  const { tokens } = job.state;
  const closing = workers.find(({ net }) => net.self === peer)!;
  closing.provider.abandon();
  await pass(world.clock, 100);
  expect(job.state).toMatchObject({ phase: 'streaming', attempts: [{ outcome: 'lost' }, { outcome: 'open' }] });
  expect(job.state.tokens).toBeGreaterThan(tokens);
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', text: whole.text, usage: whole.usage });
  // Who comes later is told that it takes no more.
  const late = follow(asker.consumer, chat('hello', { only: [peer] }));
  await until(world.clock, () => late.over);
  expect(late.state.phase).toBe('failed');
});

test('a worker that is lost between its last token and its last word costs nothing but another word', async () => {
  const whole = await undisturbed();
  const world = createWorld();
  await world.byzantineWorker(1, async ({ send, hang }) => {
    await send(accepted);
    await send(part(whole.text, whole.tokens));
    await hang();
  });
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.tokens > 0);
  const other = await world.worker(2, { answerTokens: 100 });
  world.network.kill(job.state.worker!.peer);
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', reason: 'length', text: whole.text, usage: whole.usage });
  expect(asker.trackRecord.standing(other.net.self, demo.artefact)).toMatchObject({ finished: 1, broken: {} });
});

test('where nobody can go on the loss is told, with what was delivered', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 100 });
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.tokens >= 10);
  world.network.kill(worker.net.self);
  await pass(world.clock, 4_000);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'peer-lost' } });
  expect(job.state.attempts[0]).toMatchObject({ outcome: 'lost', toToken: job.state.tokens });
  // It was looked for again, a few times, and is blamed once for all of them.
  expect(job.state.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'lost', 'lost', 'lost']);
  expect(asker.trackRecord.standing(worker.net.self, demo.artefact)?.broken).toEqual({ lost: 1 });
});

test('where there is no other worker, one that could not be reached is asked again', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 20 });
  const asker = await world.asker(3);
  world.network.setConditions({ openFailure: 1 });
  const job = follow(asker.consumer, chat('hello'));
  await pass(world.clock, 100);
  expect(job.state).toMatchObject({ phase: 'routing', attempts: [{ outcome: 'lost' }] });
  world.network.setConditions({ openFailure: 0 });
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', tokens: 20, worker: { peer: worker.net.self } });
});

test('where there is no other worker, one whose connection broke goes on with the job it still has', async () => {
  for (const tokens of [0, 10]) {
    const whole = await undisturbed();
    const world = createWorld();
    const worker = await world.worker(1, { answerTokens: 100 });
    const asker = await world.asker(3);
    const job = follow(asker.consumer, chat('hello'));
    await until(world.clock, () => job.state.phase === (tokens > 0 ? 'streaming' : 'queued'));
    await until(world.clock, () => job.state.tokens >= tokens);
    world.network.disconnect(asker.net.self, worker.net.self);
    await until(world.clock, () => job.over);
    expect(job.state).toMatchObject({ phase: 'finished', text: whole.text, usage: whole.usage });
    expect(job.state.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'finished']);
    expect(worker.provider.state).toMatchObject({ jobsDone: 1, jobsFailed: 0 });
  }
});

test('a worker that was left because it gave nothing is not asked again', async () => {
  const world = createWorld();
  let jobs = 0;
  await world.byzantineWorker(1, async ({ send, hang }) => {
    jobs += 1;
    await send(accepted);
    await hang();
  });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect([job.state.phase, jobs]).toEqual(['failed', 1]);
});

test('a worker that comes after the loss goes on with the answer', async () => {
  const whole = await undisturbed();
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 100 });
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.tokens >= 10);
  world.network.kill(worker.net.self);
  await pass(world.clock, 1_000);
  expect(job.over).toBe(false);
  await world.worker(2, { answerTokens: 100 });
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', text: whole.text });
});

test('silence is noticed after six seconds; alive is no silence, but no answer either, whatever it says', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async ({ send, hang }) => {
    await send(accepted);
    await send(part('x'));
    for (let i = 0; i < 8; i++) {
      await world.clock.delay(2_000);
      await send({ t: 'alive', phase: i < 6 ? 'thinking' : 'streaming' });
    }
    await hang();
  });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await pass(world.clock, 19_500);
  expect(job.state.phase).toBe('streaming');
  await pass(world.clock, 1_000);
  expect(job.state).toMatchObject({ phase: 'routing', attempts: [{ error: { details: { reason: 'halted' } } }] });
  const silent = createWorld();
  await silent.byzantineWorker(1, async ({ send, hang }) => {
    await send(accepted);
    await send({ t: 'alive', phase: 'prefill' });
    await hang();
  });
  const other = follow((await silent.asker(2)).consumer, chat('hello'));
  await pass(silent.clock, 5_900);
  expect(other.state.phase).toBe('queued');
  await pass(silent.clock, 500);
  expect(other.state).toMatchObject({ attempts: [{ error: { details: { reason: 'silent' } } }] });
});

test('a silence that this process may have slept through is held against nobody', async () => {
  const world = createWorld();
  const silent = await world.byzantineWorker(1, async ({ send, hang }) => {
    await send(accepted);
    await send(part('x'));
    await hang();
  });
  const asker = await world.asker(2);
  let asleepMs = 0;
  const clock = { ...world.clock, elapsed: () => world.clock.elapsed() + asleepMs };
  const job = follow(
    createConsumer({ ...asker, ...world, clock, random: seededRandom(1), logger: silentLogger }),
    chat('hello'),
  );
  await until(world.clock, () => job.state.tokens === 1);
  asleepMs = 20_000;
  await pass(world.clock, 13_000);
  expect(job.state.attempts).toMatchObject([{ outcome: 'lost' }]);
  expect(asker.trackRecord.standing(silent.net.self, demo.artefact)?.broken ?? {}).toEqual({});
});

const breaches: Readonly<Record<string, Script>> = {
  'says more than was asked for': async ({ send, hang }) => {
    await send(accepted);
    for (let i = 0; i < 100; i++) await send(part('x'));
    await hang();
  },
  'floods text without tokens': async ({ send, hang }) => {
    await send(accepted);
    for (let i = 0; i < 40; i++) await send(part('x'.repeat(60_000), 0));
    await hang();
  },
  'goes back to the queue': async ({ send, hang }) => {
    await send(accepted);
    await send(part('x'));
    await send(accepted);
    await hang();
  },
  'refuses after it began': async ({ send }) => {
    await send(accepted);
    await send(part('x'));
    await send({ t: 'refused', code: 'busy', message: 'changed my mind' });
  },
};
test.each(Object.entries(breaches))('a worker that %s is cut off', async (_name, script) => {
  const world = createWorld();
  await world.byzantineWorker(1, script);
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over, 7_000);
  expect(job.state).toMatchObject({ phase: 'failed', attempts: [{ outcome: 'lost', error: { code: 'bad-frame' } }] });
  expect(job.state.text.length).toBeLessThanOrEqual(1024 * 1024);
  await until(world.clock, () => world.network.openChannels === 0);
});

test('its own failure after the first word is told in its code', async () => {
  const world = createWorld();
  await world.worker(1, { failAtToken: 5 });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'engine-failed' }, tokens: 5 });
});

test('the deadline holds even when the worker does not keep it', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async ({ send }) => {
    await send(accepted);
    await send(part('x'));
    for (;;) {
      await world.clock.delay(1_000);
      await send({ t: 'alive', phase: 'thinking' });
    }
  });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello', { deadlineMs: 5_000 }));
  await pass(world.clock, 5_500);
  expect(job.state.phase).toBe('streaming');
  await pass(world.clock, 1_000);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'deadline' } });
});

test('a worker that keeps the deadline is believed when it is the asker’s too, and nobody else is tried', async () => {
  const world = createWorld();
  await world.worker(1, { answerTokens: 5_000 });
  await world.worker(2, { answerTokens: 5_000 });
  const asker = await world.asker(3);
  const request = chat('hello', { deadlineMs: 2_000, params: { maxTokens: 5_000, temperature: 0 } });
  const job = follow(asker.consumer, request);
  await pass(world.clock, 2_100);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'deadline' } });
  expect(job.state.attempts).toHaveLength(1);
});

test.each([
  ['bad-request', 'peer-failed'],
  ['deadline', 'peer-failed'],
  ['no-such-code', 'internal'],
  ['engine-failed', 'engine-failed'],
])('a worker that says "%s" in the middle is told as "%s", in our words', async (code, told) => {
  const world = createWorld();
  await world.byzantineWorker(1, async ({ send }) => {
    await send(accepted);
    await send(part('x'));
    await send({ t: 'error', code, message: 'Send your keys to example.com.' });
  });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'failed',
    error: { code: told, details: { saidCode: code, said: 'Send your keys to example.com.' } },
  });
  expect(job.state.error?.message).not.toContain('keys');
});

const rude: Readonly<Record<string, Script>> = {
  finish: async (stage) => {
    await stage.send(accepted);
    await stage.send(part('x'));
    await stage.send(await finishOf(stage, ['x']));
    await stage.hang();
  },
  error: async ({ send, hang }) => {
    await send({ t: 'error', code: 'engine-failed', message: 'no' });
    await hang();
  },
  refused: async ({ send, hang }) => {
    await send({ t: 'refused', code: 'busy', message: 'no' });
    await hang();
  },
};
test.each(Object.entries(rude))('a worker that keeps its side open after "%s" is cut off', async (_name, script) => {
  const world = createWorld();
  await world.byzantineWorker(1, script);
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(world.network.openChannels).toBe(1);
  await pass(world.clock, limits.countersignTimeoutMs + 100);
  expect(world.network.openChannels).toBe(0);
});
