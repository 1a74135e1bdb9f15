import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { accepted, finishOf, part } from './byzantine.fixture.ts';
import { chat, createWorld, follow, pass, until, type Script } from '../peer.fixture.ts';

test('a worker that dies is told at once, with what it delivered', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 100 });
  const other = await world.worker(2, { answerTokens: 100 });
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.tokens >= 10);
  const { peer } = job.state.worker!;
  world.network.kill(peer);
  await pass(world.clock, 10);
  expect(job.over).toBe(true);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'peer-lost' } });
  expect(job.state.tokens).toBeGreaterThanOrEqual(10);
  expect(job.state.text.length).toBeGreaterThan(0);
  expect(job.state.attempts).toMatchObject([{ outcome: 'lost', toToken: job.state.tokens }]);
  const bystander = peer === worker.net.self ? other : worker;
  expect(bystander.provider.state).toMatchObject({ running: 0, jobsDone: 0 });
});

test('silence is noticed after six seconds, alive is no silence', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async ({ send, hang }) => {
    await send(accepted);
    await send(part('x'));
    for (let i = 0; i < 4; i++) {
      await world.clock.delay(4_000);
      await send({ t: 'alive' });
    }
    await hang();
  });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await pass(world.clock, 21_500);
  expect(job.state.phase).toBe('streaming');
  await pass(world.clock, 1_000);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'peer-lost' }, text: 'x' });
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
  await until(world.clock, () => job.over, 3_000);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'bad-frame' } });
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
      await send({ t: 'alive' });
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
