import { expect, test } from 'vitest';
import { checkChain } from '#lib/trust/chain.ts';
import { demo, job, pass, until } from '../peer.fixture.ts';
import { finish, last, puppet, scene, textPart } from './provide.fixture.ts';

test('draining finishes what runs and what waits, and takes nothing new', async () => {
  const { clock, open, worker } = await scene({ answerTokens: 30 });
  const [runs, waits] = [await open(), await open()];
  for (const raw of [runs, waits]) await raw.send({ t: 'open', job: job() });
  await pass(clock, 20);
  const drained = worker.provider.drain();
  const late = await open();
  await late.send({ t: 'open', job: job() });
  await pass(clock, 20);
  expect(worker.provider.state).toMatchObject({ phase: 'draining', running: 1, queued: 1 });
  expect(last(late)).toMatchObject({ t: 'refused', code: 'draining' });
  await until(clock, () => worker.provider.state.phase === 'stopped');
  await drained;
  for (const raw of [runs, waits]) expect(last(raw)).toMatchObject({ t: 'finish', reason: 'stop' });
});

test('E: what does not finish in time is sent away, so that it is answered elsewhere', async () => {
  const { clock, open, worker } = await scene({ answerTokens: 1_000 });
  const [runs, waits] = [await open(), await open()];
  for (const raw of [runs, waits]) await raw.send({ t: 'open', job: job() });
  await pass(clock, 20);
  const overtime = new AbortController();
  const drained = worker.provider.drain({ signal: overtime.signal });
  await pass(clock, 20);
  overtime.abort();
  await until(clock, () => worker.provider.state.phase === 'stopped');
  await drained;
  expect(last(runs)).toMatchObject({ t: 'error', code: 'draining' });
  expect(last(waits)).toMatchObject({ t: 'refused', code: 'draining' });
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

test('an asker that withholds its signature leaves no gap in the worker’s chain', async () => {
  const { clock, open, worker } = await scene({ answerTokens: 5 });
  for (let i = 0; i < 3; i++) {
    const raw = await open();
    await raw.send({ t: 'open', job: job() });
    await until(clock, () => last(raw)?.t === 'finish');
    raw.abort();
  }
  await worker.book.settled();
  const kept = (await worker.book.list('worker', 10)).toReversed();
  expect(kept.map(({ countersign }) => countersign)).toEqual([undefined, undefined, undefined]);
  expect(
    checkChain(
      'worker',
      kept.map(({ receipt }) => receipt),
    ),
  ).toMatchObject({ type: 'whole' });
});

test('a model of another engine is offered beside the others, with its own engine', async () => {
  const { worker } = await scene();
  expect(worker.provider.servedModels('network')?.must).toBeUndefined();
  const { model } = puppet(async function* () {});
  worker.provider.offerModel({ ...model, model: { ...demo, artefact: 'e'.repeat(64) } });
  const served = worker.provider.servedModels('network')!;
  expect(served).toMatchObject({
    engine: { name: 'scripted' },
    models: [{ artefact: demo.artefact }, { artefact: 'e'.repeat(64), engine: { name: 'puppet' } }],
    must: ['engines'],
  });
  expect(served.models[0]).not.toHaveProperty('engine');
  worker.provider.withdrawModel(demo.artefact);
  expect(worker.provider.servedModels('network')).toMatchObject({ engine: { name: 'puppet' } });
  expect(worker.provider.servedModels('network')).not.toHaveProperty('must');
});

test('two models on one machine take turns, each counts its own, and one can be ended alone', async () => {
  const { clock, open, worker } = await scene({ answerTokens: 1_000, provider: { slotsOf: 'machine' } });
  const { model } = puppet(async function* () {
    yield textPart('x');
    yield finish;
  });
  const other = 'e'.repeat(64);
  worker.provider.offerModel({ ...model, model: { ...demo, artefact: other } });
  const [long, short] = [await open(), await open()];
  await long.send({ t: 'open', job: job() });
  await pass(clock, 20);
  await short.send({ t: 'open', job: job({ artefact: other }) });
  await pass(clock, 20);
  expect([demo.artefact, other].map((one) => worker.provider.work(one))).toMatchObject([
    { running: 1, queued: 0 },
    { running: 0, queued: 1 },
  ]);
  expect(worker.provider.servedModels('network')!.models).toMatchObject([
    { running: 1, queued: 1 },
    { running: 1, queued: 1 },
  ]);
  const ended = worker.provider.dismiss(demo.artefact);
  await until(clock, () => last(short)?.t === 'finish');
  await ended;
  expect(last(long)).toMatchObject({ t: 'error', code: 'draining' });
  expect([demo.artefact, other].map((one) => worker.provider.work(one))).toMatchObject([
    { running: 0, jobsDone: 0 },
    { running: 0, queued: 0, jobsDone: 1, tokensOut: 1 },
  ]);
  expect(worker.provider.state).toMatchObject({ phase: 'serving', running: 0, jobsDone: 1 });
  expect(worker.provider.work('f'.repeat(64))).toMatchObject({ running: 0, jobsDone: 0 });
});
