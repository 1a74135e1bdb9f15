import { expect, test } from 'vitest';
import { offeredModelSchema } from '#lib/protocol/offer.ts';
import { limits } from '#lib/protocol/limits.ts';
import { job, openRaw, pass, until, type RawAsker } from '../peer.fixture.ts';
import { last, puppet, scene, textPart } from './provide.fixture.ts';

test('one works, the others are told their place as it changes', async () => {
  const { clock, open, worker } = await scene({ answerTokens: 20 });
  const raws = [await open(), await open(), await open()];
  for (const raw of raws) await raw.send({ t: 'open', job: job() });
  await pass(clock, 20);
  expect(worker.provider.state).toMatchObject({ running: 1, queued: 2 });
  expect(worker.provider.servedModels('network')?.models[0]).toMatchObject({ slots: 1, running: 1, queued: 2 });
  await until(clock, () => raws.every((raw) => last(raw)?.t === 'finish'));
  const places = raws.map(({ frames }) => frames.flatMap((frame) => (frame.t === 'accepted' ? [frame.position] : [])));
  expect(places).toEqual([[0], [1, 0], [2, 1, 0]]);
  expect(worker.provider.state).toMatchObject({ running: 0, queued: 0, jobsDone: 3 });
});

test('slots that are reserved are neither announced nor given to others, and the owner has them at once', async () => {
  const { model } = puppet(async function* (signal) {
    yield textPart('x');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }, 3);
  const owners = new Set<string>();
  const { clock, open, worker } = await scene({ model, provider: { isOwners: ({ id }) => owners.has(id) } });
  worker.provider.offerModel(model, { reserved: 1 });
  const offered = () => worker.provider.servedModels('network')?.models[0];
  const raws = [await open(), await open(), await open(), await open()];
  const jobs = raws.map(() => job());
  owners.add(jobs[3]!.id);
  for (const [index, raw] of raws.slice(0, 3).entries()) await raw.send({ t: 'open', job: jobs[index]! });
  await pass(clock, 20);
  expect(offered()).toMatchObject({ slots: 2, running: 2, queued: 1 });
  await raws[3]!.send({ t: 'open', job: jobs[3]! });
  await pass(clock, 20);
  const position = (raw: RawAsker) => raw.frames.find((frame) => frame.t === 'accepted');
  expect(raws.map(position)).toMatchObject([{ position: 0 }, { position: 0 }, { position: 1 }, { position: 0 }]);
  expect(worker.provider.state).toMatchObject({ running: 3, queued: 1 });
  expect(offered()).toMatchObject({ slots: 2, running: 2, queued: 1 });
  // One is always left to others.
  worker.provider.offerModel(model, { reserved: 9 });
  expect(offered()).toMatchObject({ slots: 1 });
  await worker.provider.stop();
});

test('a job that is paid for at its gateway comes before those of strangers that wait', async () => {
  const bought = new Set<string>();
  const { clock, open, worker } = await scene({
    answerTokens: 20,
    provider: { isBought: ({ id }) => bought.has(id) },
  });
  const raws = [await open(), await open(), await open()];
  const jobs = raws.map(() => job());
  bought.add(jobs[2]!.id);
  for (const [index, raw] of raws.entries()) await raw.send({ t: 'open', job: jobs[index]! });
  await pass(clock, 20);
  await until(clock, () => raws.every((raw) => last(raw)?.t === 'finish'));
  const places = raws.map(({ frames }) => frames.flatMap((frame) => (frame.t === 'accepted' ? [frame.position] : [])));
  expect(places).toEqual([[0], [1, 2, 1, 0], [1, 0]]);
  await worker.provider.stop();
});

test('more slots than an offer can say are offered as many as it can', async () => {
  const { model } = puppet(async function* () {
    yield textPart('x');
  }, 4 * limits.slotsMax);
  const { worker } = await scene({ model });
  const offered = worker.provider.servedModels('network')!.models[0];
  expect(offeredModelSchema.parse(offered)).toMatchObject({ slots: limits.slotsMax, running: 0 });
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

test('what is sent on a refused channel does not pile up, and is cut off when it does not end', async () => {
  const { clock, open, network } = await scene();
  for (let i = 0; i < limits.jobsPerPeerMax * 2 + 2; i++) await open();
  const refused = await open();
  const largest = new Uint8Array(limits.frameBytesMax);
  let sent = 0;
  const send = async () => {
    for (; sent < 10; sent++) await refused.sendBytes(largest);
  };
  void send().catch(() => undefined);
  await pass(clock, 20);
  expect(refused.frames).toMatchObject([{ t: 'refused', code: 'busy' }]);
  expect(sent).toBeGreaterThanOrEqual(2);
  expect(sent).toBeLessThan(5);
  expect(network.openChannels).toBe(limits.jobsPerPeerMax * 2 + 2);
});

test('leaving the queue moves the others up and costs no work', async () => {
  const { model, seen } = puppet(async function* (signal) {
    yield textPart('x');
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
