import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { brokenOf } from '#lib/market/standing.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createConsumer } from './consume.ts';
import { accepted, finishOf, part } from './byzantine.fixture.ts';
import { chat, createWorld, demo, follow, pass, until, type Script } from '../peer.fixture.ts';

test('a refusal leads to the next worker at once and is no failure', async () => {
  const world = createWorld();
  const refusing = await world.byzantineWorker(1, async ({ send }) =>
    send({ t: 'refused', code: 'busy', message: 'full' }),
  );
  const working = await world.worker(2, { answerTokens: 10 });
  const asker = await world.asker(3);
  for (let i = 0; i < 6; i++) {
    const job = follow(asker.consumer, chat('hello'));
    const before = world.clock.elapsed();
    await until(world.clock, () => job.over);
    expect(job.state).toMatchObject({ phase: 'finished', worker: { peer: working.net.self } });
    expect(world.clock.elapsed() - before).toBeLessThan(200);
    const outcomes = job.state.attempts.map(({ worker, outcome }) => [worker.peer, outcome]);
    expect([
      [
        [refusing.net.self, 'refused'],
        [working.net.self, 'finished'],
      ],
      [[working.net.self, 'finished']],
    ]).toContainEqual(outcomes);
  }
});

test('jobs asked in one turn go to as many workers as are free, known before or seen only now', async () => {
  for (const moment of ['known', 'awaited'] as const) {
    const world = createWorld();
    const asker = await world.asker(9);
    const workers = [];
    for (const number of [1, 2, 3, 4]) workers.push(await world.worker(number, { answerTokens: 10 }));
    if (moment === 'awaited') for (const { net } of workers) world.directory.remove(net.self);
    const jobs = [1, 2, 3, 4].map((number) => follow(asker.consumer, chat(`job ${number}`)));
    await pass(world.clock, 10);
    if (moment === 'awaited') for (const worker of workers) worker.announce();
    await until(world.clock, () => jobs.every(({ over }) => over));
    const peers = new Set(jobs.map(({ state }) => state.worker?.peer));
    expect([jobs.map(({ state }) => state.attempts.length), peers.size], moment).toEqual([[1, 1, 1, 1], 4]);
  }
});

const losses: Readonly<Record<string, Script>> = {
  'drops the channel': async ({ channel }) => channel.abort(new Error('crash')),
  'ends the stream without a word': async () => undefined,
  'accepts and says nothing more': async ({ send, hang }) => {
    await send(accepted);
    await hang();
  },
  'never answers': async ({ hang }) => hang(),
  'fails before the first word': async ({ send }) => {
    await send(accepted);
    await send({ t: 'error', code: 'engine-failed', message: 'no' });
  },
  'talks before it accepts': async ({ send, hang }) => {
    await send(part('x'));
    await hang();
  },
  'sends garbage': async ({ channel, hang }) => {
    await channel.send(Uint8Array.of(0xff));
    await hang();
  },
};
test.each(Object.entries(losses))('a worker that %s is passed over before anything was read', async (_name, script) => {
  const world = createWorld(3);
  const bad = await world.byzantineWorker(1, script);
  await world.worker(2, { answerTokens: 10 });
  const asker = await world.asker(3);
  // The faster one is asked first, sooner or later.
  const jobs = [];
  for (let i = 0; i < 4; i++) {
    const job = follow(asker.consumer, chat(`hello ${i}`));
    jobs.push(job);
    await until(world.clock, () => job.over, 20_000);
    expect(job.state.phase).toBe('finished');
  }
  const lost = jobs.flatMap(({ state }) => state.attempts).filter(({ outcome }) => outcome === 'lost');
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.every(({ worker }) => worker.peer === bad.net.self)).toBe(true);
  // Three failures park it.
  expect(lost.length).toBeLessThanOrEqual(3);
  await until(world.clock, () => world.network.openChannels === 0);
});

test('a worker that cannot be reached is passed over', async () => {
  const world = createWorld();
  const gone = await world.byzantineWorker(1, async ({ hang }) => hang());
  world.network.kill(gone.net.self);
  await world.worker(2, { answerTokens: 10 });
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state.phase).toBe('finished');
});

test('attempts are limited', async () => {
  const world = createWorld();
  for (let seed = 1; seed <= 8; seed++)
    await world.byzantineWorker(seed, async ({ channel }) => channel.abort(new Error('no')));
  const asker = await world.asker(20);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'peer-lost' } });
  expect(job.state.attempts).toHaveLength(limits.attemptsMax);
});

test('with nobody there a job waits a little for the first offer, then says so', async () => {
  const world = createWorld();
  const asker = await world.asker(2);
  const early = follow(asker.consumer, chat('hello'));
  await pass(world.clock, 1_000);
  expect(early.state.phase).toBe('routing');
  await world.worker(1, { answerTokens: 5 });
  await until(world.clock, () => early.over);
  expect(early.state.phase).toBe('finished');

  const empty = createWorld();
  const alone = await empty.asker(2);
  const job = follow(alone.consumer, chat('hello', { model: { name: 'tabloom-demo' } }));
  await until(empty.clock, () => job.over, 3_100);
  expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'no-peer-available' }, attempts: [] });
  expect(job.state.error?.message).toContain('tabloom-demo');
});

test('only the named peers are asked', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async ({ hang }) => hang());
  const chosen = await world.worker(2, { answerTokens: 5 });
  const asker = await world.asker(3);
  for (let i = 0; i < 5; i++) {
    const job = follow(asker.consumer, chat('hello', { only: [chosen.net.self] }));
    await until(world.clock, () => job.over);
    expect(job.state).toMatchObject({ phase: 'finished', worker: { peer: chosen.net.self } });
  }
});

test('what is wrong with the request itself is thrown, or ends the job', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { contextTokens: 2_048 });
  await world.worker(2, { contextTokens: 2_048 });
  const asker = await world.asker(3);
  expect(() => asker.consumer.ask(chat('x', { params: { maxTokens: 0 } }))).toThrow(
    expect.objectContaining({ code: 'bad-request' }),
  );
  expect(() => asker.consumer.ask(chat('x', { id: 'short' }))).toThrow(
    expect.objectContaining({ code: 'bad-request' }),
  );
  const long = follow(asker.consumer, chat('a '.repeat(2_500)));
  await until(world.clock, () => long.over);
  expect(long.state).toMatchObject({ phase: 'failed', error: { code: 'too-long' } });
  const huge = follow(
    asker.consumer,
    chat('', {
      kind: 'chat',
      input: { messages: Array.from({ length: 3 }, () => ({ role: 'user', content: 'x'.repeat(100_000) })) },
    }),
  );
  await until(world.clock, () => huge.over);
  expect(huge.state.phase).toBe('failed');
  expect(worker.provider.state.jobsFailed).toBeLessThanOrEqual(1);
});

const error = (code: string) => ({ t: 'error', code, message: 'says the worker' }) as const;

const spoilers: Readonly<Record<string, Script>> = {
  'calls an answer stopped that nobody has stopped': async (stage) => {
    await stage.send(accepted);
    await stage.send(await finishOf(stage, [], { reason: 'cancelled' }));
  },
  'says that the asker has stopped it': async ({ send }) => {
    await send(accepted);
    await send(error('cancelled'));
  },
  'says that the request is wrong': async ({ send }) => {
    await send(accepted);
    await send(error('bad-request'));
  },
  'says at once that the time is up': async ({ send }) => {
    await send(accepted);
    await send(error('deadline'));
  },
};
test.each(Object.entries(spoilers))(
  'a worker that %s ends no job, and it is held against it',
  async (_name, script) => {
    const world = createWorld(3);
    const spoiler = await world.byzantineWorker(1, script);
    await world.worker(2, { answerTokens: 10 });
    const asker = await world.asker(3);
    let drawn = 0;
    for (let i = 0; i < 6; i++) {
      const job = follow(asker.consumer, chat(`hello ${i}`));
      await until(world.clock, () => job.over);
      expect(job.state).toMatchObject({ phase: 'finished', reason: 'stop' });
      drawn += job.state.attempts.filter(({ worker }) => worker.peer === spoiler.net.self).length;
    }
    expect(drawn).toBeGreaterThan(0);
    const standing = asker.trackRecord.standing(spoiler.net.self, demo.artefact)!;
    expect([standing.finished, brokenOf(standing)]).toEqual([0, expect.closeTo(drawn, 3)]);
  },
);

test('that one worker was left does not let the next one call the answer stopped', async () => {
  const world = createWorld();
  for (const seed of [1, 2]) {
    await world.byzantineWorker(seed, async (stage) => {
      await stage.send(accepted);
      if (turns++ === 0) return stage.hang();
      await stage.send(await finishOf(stage, [], { reason: 'cancelled' }));
    });
  }
  let turns = 0;
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'failed',
    error: { code: 'bad-frame' },
    attempts: [{ outcome: 'lost' }, { outcome: 'lost' }],
  });
});

test('strangers in zones that only a relay labels do not end a job by calling it wrong', async () => {
  const world = createWorld();
  for (const number of [1, 2, 3]) {
    await world.byzantineWorker(number, async ({ send }) => {
      await send(accepted);
      await send({ t: 'error', code: 'bad-request', message: 'no' });
    });
  }
  const worker = await world.worker(4, { answerTokens: 400 });
  const asker = await world.asker(5);
  const options = { trackRecord: asker.trackRecord, random: seededRandom(1), logger: silentLogger };
  const consumer = createConsumer({ ...asker, ...world, ...options, labelled: (peer) => `R/${peer}` });
  // Till the three are known by what they have done, and are asked last.
  for (let jobs = 0; jobs < 8; jobs++) {
    const job = follow(consumer, chat('hello'));
    await until(world.clock, () => job.over);
    expect(job.state).toMatchObject({ phase: 'finished', worker: { peer: worker.net.self } });
  }
});

test('what all workers say against a request is reported, and the first of them', async () => {
  const world = createWorld();
  for (const seed of [1, 2]) {
    await world.byzantineWorker(seed, async ({ send }) => {
      await send(accepted);
      await send(error('bad-request'));
    });
  }
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'failed',
    error: { code: 'bad-request', details: { said: 'says the worker' } },
    attempts: [{ outcome: 'refused' }, { outcome: 'refused' }],
  });
  expect(job.state.error?.message).not.toContain('says the worker');
});

test('too long a prompt is tried where there may be more room, and nobody is blamed for saying so', async () => {
  const world = createWorld();
  const workers = await Promise.all([1, 2].map((seed) => world.worker(seed, { contextTokens: 2_048 })));
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('a '.repeat(2_500)));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'failed',
    error: { code: 'too-long' },
    attempts: [{ outcome: 'refused' }, { outcome: 'refused' }],
  });
  for (const { net } of workers) expect(asker.trackRecord.standing(net.self, demo.artefact)).toBeUndefined();
});

test('a worker that has a slot and says nothing but that it lives is left for the next one', async () => {
  const world = createWorld(3);
  const mute = await world.byzantineWorker(1, async ({ send }) => {
    await send(accepted);
    for (;;) {
      await world.clock.delay(2_000);
      await send({ t: 'alive' });
    }
  });
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.state.phase === 'queued');
  await world.worker(2, { answerTokens: 10 });
  await pass(world.clock, limits.firstPartTimeoutMs - 100);
  expect(job.state.phase).toBe('queued');
  await until(world.clock, () => job.over, 1_000);
  expect(job.state).toMatchObject({
    phase: 'finished',
    attempts: [{ worker: { peer: mute.net.self }, outcome: 'lost' }, { outcome: 'finished' }],
  });
});

test('one that is at work on what it cannot show is given as long as for its first word', async () => {
  const world = createWorld();
  await world.byzantineWorker(1, async (stage) => {
    await stage.send(accepted);
    for (const text of ['a', 'b']) {
      for (let i = 0; i < 9; i++) {
        await world.clock.delay(2_000);
        await stage.send({ t: 'alive', phase: 'thinking' });
      }
      await stage.send(part(text));
    }
    await stage.send(await finishOf(stage, ['a', 'b']));
  });
  const asker = await world.asker(3);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over, 40_000);
  expect(job.state).toMatchObject({ phase: 'finished', text: 'ab' });
});

test('a peer that does not know the protocol is passed over as one of another version, and not blamed', async () => {
  const world = createWorld();
  const old = await world.byzantineWorker(1, async ({ hang }) => hang());
  const asker = await world.asker(3);
  const open: typeof asker.net.open = (peer, protocol, options) =>
    peer === old.net.self
      ? Promise.reject(new TabloomError('protocol-unknown', 'It does not serve this.'))
      : asker.net.open(peer, protocol, options);
  const consumer = createConsumer({
    ...asker,
    ...world,
    net: { ...asker.net, open },
    trackRecord: asker.trackRecord,
    random: seededRandom(1),
    logger: silentLogger,
  });
  const job = follow(consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'failed',
    error: { code: 'version' },
    attempts: [{ outcome: 'refused', worker: { peer: old.net.self } }],
  });
  expect(asker.trackRecord.standing(old.net.self, demo.artefact)).toBeUndefined();
});

test('A6: a tier that nobody has proven is refused, and no worker that claims it hears of the question', async () => {
  const world = createWorld();
  let heard = 0;
  await world.byzantineWorker(1, async ({ hang }) => ((heard += 1), hang()));
  const asker = await world.asker(2);
  for (const tier of ['verified', 'confidential'] as const) {
    const job = follow(asker.consumer, chat('hello', { tier }));
    await until(world.clock, () => job.over);
    expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'tier-unavailable' }, attempts: [] });
  }
  expect(heard).toBe(0);
});

test('peers are asked in the order that is wished for, then the others', async () => {
  const world = createWorld(5);
  const busy = await world.byzantineWorker(1, async ({ send }) =>
    send({ t: 'refused', code: 'busy', message: 'full' }),
  );
  const [second, third] = [await world.worker(2, { answerTokens: 5 }), await world.worker(3, { answerTokens: 5 })];
  const asker = await world.asker(4);
  const askBy = async (terms: object) => {
    const job = follow(asker.consumer, { ...chat('hello'), ...terms });
    await until(world.clock, () => job.over);
    return job.state.attempts.map(({ worker }) => worker.peer);
  };
  const [one, two, three] = [busy.net.self, second.net.self, third.net.self];
  expect(await askBy({ order: [one, three, two] })).toEqual([one, three]);
  expect(await askBy({ order: [one, two], only: [two, three] })).toEqual([two]);
  expect(await askBy({ ignore: [one, three], order: [three] })).toEqual([two]);
  expect((await askBy({ order: [one] })).length).toBe(2);
});

test('an explanation names every worker and its reason, and asks nobody', async () => {
  const world = createWorld(6);
  const worker = await world.worker(1, { answerTokens: 5 });
  const draining = await world.worker(2, {});
  draining.announce({ draining: true });
  const asker = await world.asker(3);
  const explained = asker.consumer.explain(chat('hello'));
  expect(explained).toEqual([
    { peer: worker.net.self, reason: 'chosen' },
    { peer: draining.net.self, reason: 'draining' },
  ]);
  expect(world.network.openChannels).toBe(0);
});
