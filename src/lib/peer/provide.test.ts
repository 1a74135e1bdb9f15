import { expect, test } from 'vitest';
import { job, pass, until } from './peer.fixture.ts';
import { last, scene } from './provide.fixture.ts';

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
