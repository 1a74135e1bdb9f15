import { describe, expect, test } from 'vitest';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { chat, createWorld, demo, follow, pass, until, type Script, type Stage } from './peer.fixture.ts';

const accepted: WorkerFrame = { t: 'accepted', position: 0, etaMs: 0 };
const part = (text: string, tokens = 1): WorkerFrame => ({ t: 'part', part: { type: 'text-delta', text, tokens } });

/** The honest end of an answer made of `parts`, but for the lie told in `change`. */
async function finishOf(
  stage: Stage,
  texts: readonly string[],
  change: Partial<Extract<WorkerFrame, { t: 'finish' }>> = {},
) {
  const output = createOutputRoot();
  for (const text of texts) output.add({ type: 'text-delta', text, tokens: 1 });
  const receipt = await stage.book.issue({
    job: stage.job,
    asker: stage.asker,
    engine: { name: 'impostor', build: '1', deviceClass: 'test' },
    output: output.summary(),
    reason: 'stop',
    tokensIn: 3,
    timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
    price: { in: '0', out: '0' },
  });
  const usage = { tokensIn: 3, tokensOut: texts.length };
  return { t: 'finish', reason: 'stop', usage, receipt, ...change } as const;
}

const types = (job: ReturnType<typeof follow>) =>
  job.events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);

test('a prompt goes out and an answer comes back, signed by both', async () => {
  const world = createWorld();
  const worker = await world.worker(1, { answerTokens: 20 });
  const asker = await world.asker(2);
  const job = follow(asker.consumer, chat('hello'));
  await until(world.clock, () => job.over);
  expect(types(job)).toEqual([
    'job-routing',
    'worker-chosen',
    'channel-opened',
    'job-accepted',
    'part-received',
    'job-finished',
  ]);
  expect(job.state).toMatchObject({
    phase: 'finished',
    path: 'direct',
    tokens: 20,
    reason: 'stop',
    worker: { peer: worker.net.self, model: demo.name, self: false },
    receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true },
  });
  expect(job.state.text.length).toBeGreaterThan(0);
  await asker.book.settled();
  await until(world.clock, () => world.network.openChannels === 0);
  await worker.book.settled();
  const [kept] = await worker.book.list('worker', 10);
  expect(encodeCbor(kept)).toEqual(encodeCbor(job.state.receipt));
  expect(await asker.book.list('asker', 10)).toEqual([kept]);
  expect(worker.provider.state).toMatchObject({ running: 0, queued: 0, jobsDone: 1, tokensOut: 20 });
});

describe('routing', () => {
  test('a refusal leads to the next worker at once and is no failure', async () => {
    const world = createWorld();
    const refusing = await world.impostor(1, async ({ send }) => send({ t: 'refused', code: 'busy', message: 'full' }));
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
  test.each(Object.entries(losses))(
    'a worker that %s is passed over before anything was read',
    async (_name, script) => {
      const world = createWorld(3);
      const bad = await world.impostor(1, script);
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
    },
  );

  test('a worker that cannot be reached is passed over', async () => {
    const world = createWorld();
    const gone = await world.impostor(1, async ({ hang }) => hang());
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
      await world.impostor(seed, async ({ channel }) => channel.abort(new Error('no')));
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

  test('a queue that is full everywhere is told as busy, with the time to wait', async () => {
    const world = createWorld();
    await world.impostor(1, async ({ send }) =>
      send({ t: 'refused', code: 'busy', message: 'full', retryAfterMs: 9_000 }),
    );
    await world.impostor(2, async ({ send }) =>
      send({ t: 'refused', code: 'busy', message: 'full', retryAfterMs: 4_000 }),
    );
    const asker = await world.asker(3);
    const job = follow(asker.consumer, chat('hello'));
    await until(world.clock, () => job.over);
    expect(job.state).toMatchObject({ phase: 'failed', error: { code: 'busy', details: { retryAfterMs: 4_000 } } });
  });

  test('only the named peers are asked', async () => {
    const world = createWorld();
    await world.impostor(1, async ({ hang }) => hang());
    const chosen = await world.worker(2, { answerTokens: 5 });
    const asker = await world.asker(3);
    for (let i = 0; i < 5; i++) {
      const job = follow(asker.consumer, chat('hello', { only: [chosen.net.self] }));
      await until(world.clock, () => job.over);
      expect(job.state).toMatchObject({ phase: 'finished', worker: { peer: chosen.net.self } });
    }
  });

  test('what is wrong with the request itself is thrown or ends the job, and is tried nowhere else', async () => {
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
    expect(long.state.attempts).toHaveLength(1);
    const huge = follow(asker.consumer, {
      ...chat(''),
      input: {
        kind: 'chat',
        messages: Array.from({ length: 3 }, () => ({ role: 'user', content: 'x'.repeat(100_000) })),
      },
    });
    await until(world.clock, () => huge.over);
    expect(huge.state.phase).toBe('failed');
    expect(worker.provider.state.jobsFailed).toBeLessThanOrEqual(1);
  });
});

describe('in the middle of an answer', () => {
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
    await world.impostor(1, async ({ send, hang }) => {
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
    await world.impostor(1, script);
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
    await world.impostor(1, async ({ send }) => {
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
});

describe('the receipt', () => {
  const lies: readonly (readonly [string, Script, object])[] = [
    [
      'over another text',
      async (stage) => {
        await stage.send(accepted);
        await stage.send(part('true'));
        await stage.send(await finishOf(stage, ['false']));
      },
      { signature: true, worker: true, prompt: true, output: false, counts: true },
    ],
    [
      'over more tokens than came',
      async (stage) => {
        await stage.send(accepted);
        await stage.send(part('ab'));
        await stage.send(await finishOf(stage, ['a', 'b']));
      },
      { signature: true, worker: true, prompt: true, counts: false },
    ],
    [
      'for another prompt',
      async (stage) => {
        await stage.send(accepted);
        await stage.send(part('a'));
        const job = { ...stage.job, input: { kind: 'completion', prompt: 'other' } as const };
        await stage.send(await finishOf({ ...stage, job }, ['a']));
      },
      { signature: true, worker: true, prompt: false, output: true, counts: true },
    ],
    [
      'with a broken signature',
      async (stage) => {
        await stage.send(accepted);
        await stage.send(part('a'));
        const honest = await finishOf(stage, ['a']);
        await stage.send({ ...honest, receipt: { ...honest.receipt, sig: new Uint8Array(64) } });
      },
      { signature: false, worker: false, prompt: false, output: false, counts: false },
    ],
  ];
  test.each(lies)('%s is shown as such and not countersigned', async (_name, script, receiptCheck) => {
    const world = createWorld();
    await world.impostor(1, script);
    const asker = await world.asker(2);
    const job = follow(asker.consumer, chat('hello'));
    await until(world.clock, () => job.over);
    expect(job.state).toMatchObject({ phase: 'finished', receiptCheck });
    expect(job.state.receipt?.countersign).toBeUndefined();
  });

  test('every one is the next link of both chains', async () => {
    const world = createWorld();
    const worker = await world.worker(1, { answerTokens: 5 });
    const asker = await world.asker(2);
    for (let i = 0; i < 3; i++) {
      const job = follow(asker.consumer, chat(`hello ${i}`));
      await until(world.clock, () => job.over);
    }
    await pass(world.clock, 100);
    await worker.book.settled();
    const { readLink, chainStart } = await import('#lib/trust/chain.ts');
    const receipts = (await worker.book.list('worker', 10)).toReversed();
    const links = receipts.map(({ receipt }) => readLink('worker', receipt));
    expect(links.map(({ prev }) => prev)).toEqual([chainStart, links[0]!.hash, links[1]!.hash]);
    const answers = receipts.map(({ countersign }) => readLink('asker', countersign!));
    expect(answers.map(({ prev }) => prev)).toEqual([chainStart, answers[0]!.hash, answers[1]!.hash]);
  });
});

describe('stopping', () => {
  test('ends the engine within one token and brings a receipt for what was delivered', async () => {
    const world = createWorld();
    const worker = await world.worker(1, { answerTokens: 200 });
    const asker = await world.asker(2);
    const job = follow(asker.consumer, chat('hello'));
    await until(world.clock, () => job.state.tokens >= 10);
    job.cancel();
    await pass(world.clock, 30);
    expect(job.over).toBe(true);
    expect(job.state).toMatchObject({
      phase: 'cancelled',
      usage: { tokensOut: job.state.tokens },
      receiptCheck: { signature: true, worker: true, prompt: true, output: true, counts: true },
    });
    expect(job.state.tokens).toBeLessThanOrEqual(12);
    expect(worker.provider.state).toMatchObject({ running: 0, tokensOut: job.state.tokens });
    await until(world.clock, () => world.network.openChannels === 0);
  });

  test('before anybody was found', async () => {
    const world = createWorld();
    const asker = await world.asker(2);
    const job = follow(asker.consumer, chat('hello'));
    await pass(world.clock, 100);
    job.cancel();
    await pass(world.clock, 10);
    expect(job.state).toMatchObject({ phase: 'cancelled', attempts: [] });
  });

  test('in the queue', async () => {
    const world = createWorld();
    const worker = await world.worker(1, { answerTokens: 200 });
    const asker = await world.asker(2);
    const first = follow(asker.consumer, chat('one'));
    await pass(world.clock, 20);
    const second = follow(asker.consumer, chat('two'));
    await until(world.clock, () => second.state.phase === 'queued');
    expect(second.state.position).toBe(1);
    second.cancel();
    await pass(world.clock, 20);
    expect(second.state.phase).toBe('cancelled');
    expect(worker.provider.state).toMatchObject({ running: 1, queued: 0 });
    first.cancel();
    await pass(world.clock, 50);
  });

  test('a worker that does not settle is not waited for long', async () => {
    const world = createWorld();
    await world.impostor(1, async ({ send, hang }) => {
      await send(accepted);
      await send(part('x'));
      await hang();
    });
    const asker = await world.asker(2);
    const job = follow(asker.consumer, chat('hello'));
    await until(world.clock, () => job.state.tokens === 1);
    job.cancel();
    await pass(world.clock, 2_000);
    expect(job.state).toMatchObject({ phase: 'cancelled', text: 'x' });
    expect(job.state.receipt).toBeUndefined();
    await until(world.clock, () => world.network.openChannels === 0);
  });

  test('leaving the loop stops the engine too', async () => {
    const world = createWorld();
    const worker = await world.worker(1, { answerTokens: 500 });
    const asker = await world.asker(2);
    let seen = 0;
    const leave = async () => {
      for await (const event of asker.consumer.ask(chat('hello'))) {
        if (event.type === 'part-received' && ++seen === 5) break;
      }
    };
    const left = leave();
    await until(world.clock, () => seen === 5);
    await pass(world.clock, 30);
    await left;
    expect(worker.provider.state.running).toBe(0);
    expect(worker.provider.state.tokensOut).toBeLessThanOrEqual(7);
  });
});

test('the same job id asked again is the same job, run once', async () => {
  const world = createWorld();
  const workers = await Promise.all([1, 2, 3].map((seed) => world.worker(seed, { answerTokens: 15 })));
  const asker = await world.asker(9);
  const request = chat('hello', { id: 'ab'.repeat(16) });
  const one = follow(asker.consumer, request);
  await until(world.clock, () => one.state.tokens > 3);
  const two = follow(asker.consumer, request);
  await until(world.clock, () => one.over && two.over);
  const three = follow(asker.consumer, request);
  await until(world.clock, () => three.over);
  for (const job of [one, two, three]) {
    expect(job.state).toMatchObject({
      phase: 'finished',
      text: one.state.text,
      receiptCheck: { output: true, counts: true },
    });
  }
  expect(workers.reduce((sum, { provider }) => sum + provider.state.jobsDone, 0)).toBe(1);
});

test('a reader that does not pull stops the engine', async () => {
  const world = createWorld();
  const worker = await world.worker(1, {
    tokensPerSecond: 1_000,
    text: () => Array.from({ length: 3_000 }, (_, i) => `${i}${'x'.repeat(500)}`).join(' '),
  });
  const asker = await world.asker(2);
  const asked = asker.consumer.ask(chat('hello', { params: { maxTokens: 3_000, temperature: 0 } }));
  const events = asked[Symbol.asyncIterator]();
  const pull = async () => {
    const next = events.next();
    let settled = false;
    void next.then(() => (settled = true));
    await until(world.clock, () => settled);
  };
  for (let i = 0; i < 8; i++) await pull();
  await pass(world.clock, 10_000);
  const before = worker.provider.state.tokensOut;
  expect(before).toBeLessThan(2_000);
  await pass(world.clock, 1_000);
  expect(worker.provider.state.tokensOut).toBe(before);
  await Promise.all([events.return?.(), pass(world.clock, 100)]);
  expect(worker.provider.state.running).toBe(0);
});
