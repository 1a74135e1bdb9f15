import { expect, test } from 'vitest';
import { checkChain } from '#lib/trust/chain.ts';
import { demo, job, pass, until } from '../peer.fixture.ts';
import { last, puppet, scene } from './provide.fixture.ts';

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

test('a model of another engine takes the place of what is there: an offer names one engine', async () => {
  const { worker } = await scene();
  const { model } = puppet(async function* () {});
  worker.provider.offerModel({ ...model, model: { ...demo, artefact: 'e'.repeat(64) } });
  expect(worker.provider.servedModels('network')).toMatchObject({
    engine: { name: 'puppet' },
    models: [{ artefact: 'e'.repeat(64) }],
  });
  worker.provider.offerModel({ ...model, model: { ...demo, artefact: 'f'.repeat(64) } });
  expect(worker.provider.servedModels('network')?.models).toHaveLength(2);
});
