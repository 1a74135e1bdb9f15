import { describe, expect, test } from 'vitest';
import type { EngineEvent, LoadedModel } from '#lib/engine/spec.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { WorkerFrame } from '#lib/protocol/frame.ts';
import { createWorld, demo, job, openRaw, pass, textOf, until, type RawAsker } from './peer.fixture.ts';

const last = (raw: RawAsker): WorkerFrame | undefined => raw.frames.at(-1);
const kinds = (raw: RawAsker) => raw.frames.map(({ t }) => t).filter((t, i, all) => t !== all[i - 1]);

const textOfRaw = (raw: RawAsker) => textOf(raw.frames);

/** A model that does as told, and counts what was asked of it. */
function puppet(stream: (signal: AbortSignal) => AsyncGenerator<EngineEvent>, slots = 1) {
  const seen = { started: 0, pulled: 0, ended: 0 };
  const model: LoadedModel = {
    model: demo,
    engine: { name: 'puppet', build: '1', deviceClass: 'test' },
    contextTokens: 4_096,
    slots,
    async *doStream(_request, { signal }) {
      seen.started += 1;
      try {
        for await (const event of stream(signal!)) {
          seen.pulled += 1;
          yield event;
        }
      } finally {
        seen.ended += 1;
      }
    },
    unload: async () => undefined,
  };
  return { model, seen };
}

const text = (content: string): EngineEvent => ({ type: 'text-delta', text: content, tokens: 1 });
const finish: EngineEvent = {
  type: 'finish',
  reason: 'stop',
  usage: { tokensIn: 1, tokensOut: 1 },
  timings: { ttftMs: 1, decodeMs: 1 },
};

async function scene(options: Parameters<ReturnType<typeof createWorld>['worker']>[1] = {}) {
  const world = createWorld();
  const worker = await world.worker(1, options);
  const asker = await world.asker(2);
  const open = async (net = asker.net) => openRaw(net, worker.net.self);
  return { ...world, resident: world.asker, hire: world.worker, worker, asker, open };
}

describe('before any work', () => {
  test.each([
    ['a model that is not here', { artefact: 'f'.repeat(64) }, 'model-not-here'],
    ['a tier that is not served', { tier: 'confidential' }, 'refused-policy'],
    [
      'files',
      {
        input: {
          kind: 'chat',
          messages: [{ role: 'user', content: [{ type: 'blob', mime: 'image/png', sha256: 'a'.repeat(64) }] }],
        },
      },
      'refused-policy',
    ],
    ['far too long a prompt', { input: { kind: 'completion', prompt: 'x'.repeat(150_000) } }, 'too-long'],
    ['a resume with nothing left', { resume: { text: 'x', tokens: 256 } }, 'bad-request'],
  ] as const)('%s is refused', async (_name, change, code) => {
    const { clock, open, worker } = await scene();
    const raw = await open();
    await raw.send({ t: 'open', job: job(change as never) });
    await until(clock, () => raw.ended === 'closed');
    expect(raw.frames).toMatchObject([{ t: 'refused', code }]);
    expect(worker.provider.state).toMatchObject({ jobsRefused: 1, running: 0, queued: 0 });
  });

  test('the person who serves has the last word', async () => {
    const policy = () => ({ code: 'refused-policy', message: 'Not on a Sunday.' }) as const;
    const { clock, open } = await scene({ provider: { policy } });
    const raw = await open();
    await raw.send({ t: 'open', job: job() });
    await until(clock, () => raw.ended === 'closed');
    expect(raw.frames).toEqual([{ t: 'refused', code: 'refused-policy', message: 'Not on a Sunday.' }]);
  });

  test('what is for this device alone is refused to others', async () => {
    const { clock, open, worker } = await scene();
    worker.provider.offerModel(worker.model, { audience: 'self' });
    const [stranger, own] = [await open(), await open(worker.net)];
    for (const raw of [stranger, own]) await raw.send({ t: 'open', job: job() });
    await until(clock, () => stranger.ended === 'closed' && last(own)?.t === 'finish');
    expect(stranger.frames).toMatchObject([{ t: 'refused', code: 'refused-policy' }]);
  });

  test('paused, draining and stopped providers take nothing', async () => {
    const { clock, open, worker } = await scene();
    worker.provider.pause();
    const raw = await open();
    await raw.send({ t: 'open', job: job() });
    await until(clock, () => raw.ended === 'closed');
    expect(raw.frames).toMatchObject([{ t: 'refused', code: 'draining' }]);
    worker.provider.resume();
    const again = await open();
    await again.send({ t: 'open', job: job() });
    await until(clock, () => last(again)?.t === 'finish');
    await worker.provider.stop();
    await expect(open()).rejects.toMatchObject({ code: 'peer-unreachable' });
  });

  test('silence instead of a job ends the channel', async () => {
    const { clock, open } = await scene();
    const raw = await open();
    await pass(clock, limits.openFrameTimeoutMs + 100);
    expect(raw.frames).toMatchObject([{ t: 'refused', code: 'deadline' }]);
    expect(raw.ended).toBe('closed');
  });

  test.each([
    ['garbage', Uint8Array.of(0xff, 0x00, 0x13)],
    ['deep nesting', new Uint8Array(4_000).fill(0x81)],
  ])('%s is answered and harms nobody', async (_name, bytes) => {
    const { clock, open } = await scene();
    const good = await open();
    await good.send({ t: 'open', job: job() });
    const bad = await open();
    await bad.sendBytes(bytes);
    await until(clock, () => bad.ended !== 'open' && last(good)?.t === 'finish');
    expect(bad.frames).toMatchObject([{ t: 'refused', code: 'bad-frame' }]);
    expect(kinds(good)).toEqual(['accepted', 'part', 'finish']);
  });

  test('a cancel for a job that was never opened is a breach', async () => {
    const { clock, open } = await scene();
    const raw = await open();
    await raw.send({ t: 'cancel', jobId: '0'.repeat(32) });
    await until(clock, () => raw.ended !== 'open');
    expect(raw.frames).toMatchObject([{ t: 'refused', code: 'bad-frame' }]);
  });
});

describe('slots and queue', () => {
  test('one works, the others are told their place as it changes', async () => {
    const { clock, open, worker } = await scene({ answerTokens: 20 });
    const raws = [await open(), await open(), await open()];
    for (const raw of raws) await raw.send({ t: 'open', job: job() });
    await pass(clock, 20);
    expect(worker.provider.state).toMatchObject({ running: 1, queued: 2 });
    expect(worker.provider.shelf('network')?.models[0]).toMatchObject({ slots: 1, running: 1, queued: 2 });
    await until(clock, () => raws.every((raw) => last(raw)?.t === 'finish'));
    const places = raws.map(({ frames }) =>
      frames.flatMap((frame) => (frame.t === 'accepted' ? [frame.position] : [])),
    );
    expect(places).toEqual([[0], [1, 0], [2, 1, 0]]);
    expect(worker.provider.state).toMatchObject({ running: 0, queued: 0, jobsDone: 3 });
  });

  test('a full queue and a greedy asker are told to wait', async () => {
    const { clock, worker, resident } = await scene({ answerTokens: 200 });
    const nets = await Promise.all([10, 11, 12].map(async (seed) => (await resident(seed)).net));
    const raws: RawAsker[] = [];
    for (const net of nets) {
      for (let i = 0; i < limits.jobsPerPeerMax; i++) raws.push(await openRaw(net, worker.net.self));
    }
    for (const raw of raws) await raw.send({ t: 'open', job: job() });
    const fifth = await openRaw(nets[0]!, worker.net.self);
    await fifth.send({ t: 'open', job: job() });
    await pass(clock, 20);
    expect(worker.provider.state).toMatchObject({ running: 1, queued: limits.workerQueueMax });
    const refused = raws.filter((raw) => last(raw)?.t === 'refused');
    expect(refused).toHaveLength(12 - 1 - limits.workerQueueMax);
    for (const raw of [...refused, fifth]) expect(last(raw)).toMatchObject({ t: 'refused', code: 'busy' });
    for (const raw of refused) expect(last(raw)).toHaveProperty('retryAfterMs', expect.any(Number));
    await worker.provider.stop();
  });

  test('more channels than one asker can need are refused unread', async () => {
    const { clock, open } = await scene();
    const raws: RawAsker[] = [];
    for (let i = 0; i < 40; i++) raws.push(await open());
    await pass(clock, 20);
    const refused = raws.filter(({ frames }) => frames.length > 0);
    expect(refused).toHaveLength(40 - (limits.jobsPerPeerMax * 2 + 2));
    for (const raw of refused) expect(raw).toMatchObject({ frames: [{ t: 'refused', code: 'busy' }], ended: 'closed' });
  });

  test('leaving the queue moves the others up and costs no work', async () => {
    const { model, seen } = puppet(async function* (signal) {
      yield text('x');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const { clock, open, worker } = await scene({ model });
    const raws = [await open(), await open(), await open()];
    for (const raw of raws) await raw.send({ t: 'open', job: job() });
    await pass(clock, 20);
    raws[1]!.abort();
    await pass(clock, 20);
    expect(last(raws[2]!)).toMatchObject({ t: 'accepted', position: 1 });
    raws[0]!.abort();
    await pass(clock, 20);
    expect(seen).toMatchObject({ started: 2, ended: 1 });
    await worker.provider.stop();
  });
});

describe('while it runs', () => {
  test('alive breaks a silence', async () => {
    const { model } = puppet(async function* (signal) {
      yield text('x');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const { clock, open, worker } = await scene({ model });
    const raw = await open();
    await raw.send({ t: 'open', job: job() });
    await pass(clock, 6_500);
    expect(raw.frames.map(({ t }) => t)).toEqual(['accepted', 'part', 'alive', 'alive', 'alive']);
    await worker.provider.stop();
  });

  test('cancel stops the engine within one token and settles for what was delivered', async () => {
    const { clock, open, worker } = await scene({ answerTokens: 100 });
    const raw = await open();
    const asked = job();
    await raw.send({ t: 'open', job: asked });
    await until(clock, () => raw.frames.filter(({ t }) => t === 'part').length === 5);
    await raw.send({ t: 'cancel', jobId: asked.id });
    await until(clock, () => last(raw)?.t === 'finish', 50);
    const parts = raw.frames.filter(({ t }) => t === 'part').length;
    expect(parts).toBeLessThanOrEqual(6);
    expect(last(raw)).toMatchObject({ t: 'finish', reason: 'cancelled', usage: { tokensOut: parts } });
    expect(worker.provider.state).toMatchObject({ running: 0, tokensOut: parts });
  });

  test('cancel in the queue settles for nothing', async () => {
    const { clock, open, worker } = await scene({ answerTokens: 200 });
    const [first, second] = [await open(), await open()];
    await first.send({ t: 'open', job: job() });
    const asked = job();
    await second.send({ t: 'open', job: asked });
    await pass(clock, 20);
    await second.send({ t: 'cancel', jobId: asked.id });
    await pass(clock, 20);
    expect(last(second)).toMatchObject({ t: 'finish', reason: 'cancelled', usage: { tokensOut: 0 } });
    expect(worker.provider.state).toMatchObject({ running: 1, queued: 0 });
    await worker.provider.stop();
  });

  test.each([
    ['dies', (raw: RawAsker) => raw.abort()],
    ['closes its side', (raw: RawAsker) => void raw.close()],
  ])('an asker that %s stops the engine', async (_name, leave) => {
    const { clock, open, worker } = await scene({ answerTokens: 1_000 });
    const raw = await open();
    await raw.send({ t: 'open', job: job() });
    await until(clock, () => raw.frames.length > 5);
    leave(raw);
    await pass(clock, 50);
    expect(worker.provider.state.running).toBe(0);
  });

  test('an asker that stops reading stops the engine, and in the end loses its slot', async () => {
    const { model, seen } = puppet(async function* () {
      for (let i = 0; i < 3_000; i++) yield text('x'.repeat(1_000));
      yield finish;
    });
    const { clock, open, worker } = await scene({ model });
    const raw = await open();
    raw.stopReading();
    await raw.send({ t: 'open', job: job({ params: { maxTokens: 32_768 }, deadlineMs: 600_000 }) });
    await pass(clock, 3_000);
    const pulled = seen.pulled;
    // What the transport takes, what the worker may hold, and the frame in between.
    expect(pulled * 1_000).toBeLessThan(limits.frameBytesMax + 3 * limits.workerBufferBytesMax);
    await pass(clock, 5_000);
    expect(seen.pulled).toBe(pulled);
    expect(worker.provider.state.running).toBe(1);
    await pass(clock, 30_000);
    expect(worker.provider.state.running).toBe(0);
    expect(seen.ended).toBe(1);
  });

  test('a free transport gets each part by itself, a busy one what has gathered', async () => {
    const { clock, open, network, resident, hire } = await scene({ answerTokens: 60 });
    const free = await open();
    await free.send({ t: 'open', job: job() });
    await until(clock, () => last(free)?.t === 'finish');
    expect(free.frames.filter(({ t }) => t === 'part')).toHaveLength(60);

    const { model } = puppet(async function* () {
      for (let i = 0; i < 600; i++) yield text(`${i} `.padEnd(1_000, 'x'));
      yield finish;
    });
    const other = await resident(9);
    network.setWeather({ bytesPerSecond: 200_000 });
    const far = await hire(8, { model });
    const busy = await openRaw(other.net, far.net.self);
    await busy.send({ t: 'open', job: job({ params: { maxTokens: 600 } }) });
    await until(clock, () => last(busy)?.t === 'finish');
    expect(textOf(busy.frames)).toHaveLength(600_000);
    const parts = busy.frames.filter(({ t }) => t === 'part');
    expect(parts.length).toBeLessThan(450);
  });

  test('the deadline ends a job that runs and one that waits', async () => {
    const { clock, open, worker } = await scene({ answerTokens: 10_000 });
    const [runs, waits] = [await open(), await open()];
    await runs.send({ t: 'open', job: job({ deadlineMs: 500, params: { maxTokens: 10_000, temperature: 0 } }) });
    await waits.send({ t: 'open', job: job({ deadlineMs: 300 }) });
    await pass(clock, 400);
    expect(last(waits)).toMatchObject({ t: 'error', code: 'deadline' });
    await pass(clock, 200);
    expect(last(runs)).toMatchObject({ t: 'error', code: 'deadline' });
    expect(worker.provider.state).toMatchObject({ running: 0, queued: 0 });
  });

  test('garbage in the middle ends that job alone', async () => {
    const { clock, open, worker } = await scene({ answerTokens: 50, slots: 2 });
    const [bad, good] = [await open(), await open()];
    for (const raw of [bad, good]) await raw.send({ t: 'open', job: job() });
    await until(clock, () => bad.frames.length > 5);
    await bad.sendBytes(Uint8Array.of(0x00));
    await until(clock, () => bad.ended !== 'open');
    expect(last(bad)).toMatchObject({ t: 'error', code: 'bad-frame' });
    await until(clock, () => last(good)?.t === 'finish');
    expect(worker.provider.state).toMatchObject({ running: 0 });
  });

  test('an engine that fails is named, and the next job goes on', async () => {
    let fails = true;
    const { model } = puppet(async function* () {
      yield text('x');
      if (fails) throw new TabloomError('some-driver-trouble', 'secret details of a device');
      yield finish;
    });
    const { clock, open, worker } = await scene({ model });
    const raw = await open();
    await raw.send({ t: 'open', job: job() });
    await until(clock, () => raw.ended === 'closed');
    expect(last(raw)).toMatchObject({ t: 'error', code: 'engine-failed' });
    expect(JSON.stringify(raw.frames)).not.toContain('secret');
    fails = false;
    const next = await open();
    await next.send({ t: 'open', job: job() });
    await until(clock, () => last(next)?.t === 'finish');
    expect(worker.provider.state).toMatchObject({ jobsDone: 1, jobsFailed: 1 });
  });

  test('too long a prompt is told in the code that helps', async () => {
    const { clock, open } = await scene({ contextTokens: 2_048 });
    const raw = await open();
    await raw.send({ t: 'open', job: job({ input: { kind: 'completion', prompt: 'a '.repeat(3_000) } }) });
    await until(clock, () => raw.ended === 'closed');
    expect(last(raw)).toMatchObject({ t: 'error', code: 'too-long' });
  });

  test('a lost device takes its model off the shelf and says so', async () => {
    const { model } = puppet(async function* () {
      yield text('x');
      throw new TabloomError('device-lost', 'gone');
    });
    const failed: string[] = [];
    const { clock, open, worker } = await scene({
      model,
      provider: { onModelFailed: (artefact) => failed.push(artefact) },
    });
    const raw = await open();
    await raw.send({ t: 'open', job: job() });
    await until(clock, () => raw.ended === 'closed');
    expect(failed).toEqual([demo.artefact]);
    expect(worker.provider.shelf('self')).toBeUndefined();
  });

  test('one asker cannot take a model away by making its engine fail', async () => {
    const { model } = puppet(async function* () {
      yield text('x');
      throw new TabloomError('engine-failed', 'again');
    });
    const { clock, open, worker, resident } = await scene({ model });
    for (let i = 0; i < 5; i++) {
      const raw = await open();
      await raw.send({ t: 'open', job: job() });
      await until(clock, () => raw.ended === 'closed');
    }
    expect(worker.provider.shelf('network')?.models).toHaveLength(1);
    const other = await open((await resident(9)).net);
    await other.send({ t: 'open', job: job() });
    await until(clock, () => other.ended === 'closed');
    expect(worker.provider.shelf('network')).toBeUndefined();
  });

  test('an engine that does not let go does not keep the asker waiting for ever', async () => {
    const { model } = puppet(async function* () {
      yield text('x');
      await new Promise(() => undefined);
    });
    const { clock, open, worker } = await scene({ model });
    const raw = await open();
    const asked = job();
    await raw.send({ t: 'open', job: asked });
    await pass(clock, 50);
    await raw.send({ t: 'cancel', jobId: asked.id });
    await pass(clock, 6_000);
    expect(last(raw)).toMatchObject({ t: 'finish', reason: 'cancelled' });
    expect(worker.provider.state.running).toBe(0);
  });
});

describe('a job id seen again', () => {
  test('while it runs: both channels read the one answer', async () => {
    const { model, seen } = puppet(async function* () {
      for (const word of ['a', 'b', 'c']) {
        await clock.delay(100);
        yield text(word);
      }
      yield finish;
    });
    const { clock, open } = await scene({ model });
    const asked = job();
    const [one, two] = [await open(), await open()];
    await one.send({ t: 'open', job: asked });
    await pass(clock, 150);
    await two.send({ t: 'open', job: asked });
    await until(clock, () => last(one)?.t === 'finish' && last(two)?.t === 'finish');
    expect([textOf(one.frames), textOf(two.frames)]).toEqual(['abc', 'abc']);
    expect(last(two)).toEqual(last(one));
    expect(seen.started).toBe(1);
  });

  test('while it runs: channels that wait together do not keep each other awake', async () => {
    const { model } = puppet(async function* (signal) {
      yield text('x');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const world = createWorld();
    let looks = 0;
    const clock = { ...world.clock, elapsed: () => (looks++, world.clock.elapsed()) };
    const worker = await world.worker(1, { model, provider: { clock } });
    const { net } = await world.asker(2);
    const asked = job();
    const raws = [await openRaw(net, worker.net.self), await openRaw(net, worker.net.self)];
    for (const raw of raws) await raw.send({ t: 'open', job: asked });
    await pass(world.clock, 100);
    expect(raws.map(textOfRaw)).toEqual(['x', 'x']);
    looks = 0;
    await pass(world.clock, 1_000);
    expect(looks).toBeLessThan(10);
    await worker.provider.stop();
  });

  test('while it runs: losing one channel does not stop it, losing both does', async () => {
    const { clock, open, worker } = await scene({ answerTokens: 200 });
    const asked = job();
    const [one, two] = [await open(), await open()];
    for (const raw of [one, two]) await raw.send({ t: 'open', job: asked });
    await pass(clock, 100);
    one.abort();
    await pass(clock, 100);
    expect(worker.provider.state.running).toBe(1);
    two.abort();
    await pass(clock, 100);
    expect(worker.provider.state.running).toBe(0);
  });

  test('afterwards: answered from the record, with the same receipt, and no work', async () => {
    const { clock, open, worker } = await scene({ answerTokens: 30 });
    const asked = job();
    const one = await open();
    await one.send({ t: 'open', job: asked });
    await until(clock, () => last(one)?.t === 'finish');
    const two = await open();
    await two.send({ t: 'open', job: { ...asked, deadlineMs: 5_000 } });
    await until(clock, () => last(two)?.t === 'finish');
    expect(textOf(two.frames)).toBe(textOf(one.frames));
    expect(last(two)).toEqual(last(one));
    expect(kinds(two)).toEqual(['accepted', 'part', 'finish']);
    expect(worker.provider.state).toMatchObject({ jobsDone: 1, tokensOut: 30 });
  });

  test('for another prompt is refused, and to another asker it is another job', async () => {
    const { clock, open, worker, resident } = await scene({ answerTokens: 10 });
    const asked = job();
    const one = await open();
    await one.send({ t: 'open', job: asked });
    await until(clock, () => last(one)?.t === 'finish');
    const two = await open();
    await two.send({ t: 'open', job: { ...asked, input: { kind: 'completion', prompt: 'other' } } });
    await until(clock, () => two.ended === 'closed');
    expect(two.frames).toMatchObject([{ t: 'refused', code: 'bad-request' }]);
    const thief = await open((await resident(9)).net);
    await thief.send({ t: 'open', job: asked });
    await until(clock, () => last(thief)?.t === 'finish');
    expect(worker.provider.state.jobsDone).toBe(2);
  });

  test('goes on exactly where a resumed answer stopped', async () => {
    const { clock, open } = await scene({ answerTokens: 40 });
    const asked = job();
    const whole = await open();
    await whole.send({ t: 'open', job: asked });
    await until(clock, () => last(whole)?.t === 'finish');
    const parts = whole.frames.filter(({ t }) => t === 'part').slice(0, 15);
    const before = textOf(parts);
    const rest = await open();
    await rest.send({ t: 'open', job: { ...asked, resume: { text: before, tokens: 15 } } });
    await until(clock, () => last(rest)?.t === 'finish');
    expect(before + textOf(rest.frames)).toBe(textOf(whole.frames));
    expect(last(rest)).toMatchObject({ usage: { tokensOut: 25 } });
  });
});

test('draining lets what runs finish and sends away what waits', async () => {
  const { clock, open, worker } = await scene({ answerTokens: 30 });
  const [runs, waits] = [await open(), await open()];
  for (const raw of [runs, waits]) await raw.send({ t: 'open', job: job() });
  await pass(clock, 20);
  const drained = worker.provider.drain();
  await pass(clock, 20);
  expect(worker.provider.state.phase).toBe('draining');
  expect(last(waits)).toMatchObject({ t: 'refused', code: 'draining' });
  await until(clock, () => worker.provider.state.phase === 'stopped');
  await drained;
  expect(last(runs)).toMatchObject({ t: 'finish', reason: 'stop' });
});

test('stopping ends what runs with a word', async () => {
  const { clock, open, worker, network } = await scene({ answerTokens: 1_000 });
  const raw = await open();
  await raw.send({ t: 'open', job: job() });
  await pass(clock, 50);
  const stopped = worker.provider.stop();
  await pass(clock, 50);
  await stopped;
  expect(last(raw)).toMatchObject({ t: 'error', code: 'draining' });
  await until(clock, () => network.openChannels <= 1);
});
