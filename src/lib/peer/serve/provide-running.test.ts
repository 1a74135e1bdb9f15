import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { demo, job, openRaw, pass, textOf, until, type RawAsker } from '../peer.fixture.ts';
import { finish, last, puppet, scene, textPart } from './provide.fixture.ts';

test('alive breaks a silence', async () => {
  const { model } = puppet(async function* (signal) {
    yield textPart('x');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  const { clock, open, worker } = await scene({ model });
  const raw = await open();
  await raw.send({ t: 'open', job: job() });
  await pass(clock, 6_500);
  const heard = raw.frames.map(({ t }) => t).filter((t) => t !== 'checkpoint');
  expect(heard).toEqual(['accepted', 'part', 'alive', 'alive', 'alive']);
  expect(raw.frames.at(-1)).toEqual({ t: 'alive', phase: 'streaming' });
  await worker.provider.stop();
});

test('D12: cancel stops the engine within one token, settles for what was delivered, and counts as no answer', async () => {
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
  expect(worker.provider.state).toMatchObject({ running: 0, jobsDone: 0, tokensOut: parts });
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
    for (let i = 0; i < 3_000; i++) yield textPart('x'.repeat(1_000));
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
    for (let i = 0; i < 600; i++) yield textPart(`${i} `.padEnd(1_000, 'x'));
    yield finish;
  });
  const other = await resident(9);
  network.setConditions({ bytesPerSecond: 200_000 });
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
    yield textPart('x');
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
  await raw.send({ t: 'open', job: job({ kind: 'completion', input: { prompt: 'a '.repeat(3_000) } }) });
  await until(clock, () => raw.ended === 'closed');
  expect(last(raw)).toMatchObject({ t: 'error', code: 'too-long' });
});

test('a model whose device is lost is no longer served, and that is reported', async () => {
  const { model } = puppet(async function* () {
    yield textPart('x');
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
  expect(worker.provider.servedModels('self')).toBeUndefined();
});

test('one asker cannot take a model away by making its engine fail', async () => {
  const { model } = puppet(async function* () {
    yield textPart('x');
    throw new TabloomError('engine-failed', 'again');
  });
  const { clock, open, worker, resident } = await scene({ model });
  for (let i = 0; i < 5; i++) {
    const raw = await open();
    await raw.send({ t: 'open', job: job() });
    await until(clock, () => raw.ended === 'closed');
  }
  expect(worker.provider.servedModels('network')?.models).toHaveLength(1);
  const other = await open((await resident(9)).net);
  await other.send({ t: 'open', job: job() });
  await until(clock, () => other.ended === 'closed');
  expect(worker.provider.servedModels('network')).toBeUndefined();
});

test('an engine that does not let go does not keep the asker waiting for ever', async () => {
  const { model } = puppet(async function* () {
    yield textPart('x');
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
