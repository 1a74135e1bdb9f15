import { expect, test } from 'vitest';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createWorld, job, openRaw, pass, textOf, until } from '../peer.fixture.ts';
import { finish, kinds, last, puppet, scene, textPart, textOfRaw } from './provide.fixture.ts';

test('while it runs: both channels read the one answer', async () => {
  const { model, seen } = puppet(async function* () {
    for (const word of ['a', 'b', 'c']) {
      await clock.delay(100);
      yield textPart(word);
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
    yield textPart('x');
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
  await two.send({ t: 'open', job: { ...asked, kind: 'completion', input: { prompt: 'other' } } as Job });
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

test('a job that ended since its asker was gone is run anew when the asker is back', async () => {
  const { clock, open, worker } = await scene({ answerTokens: 30 });
  const asked = job();
  const gone = await open();
  await gone.send({ t: 'open', job: asked });
  await until(clock, () => gone.frames.length > 5);
  gone.abort();
  await until(clock, () => worker.provider.state.running === 0);
  const back = await open();
  await back.send({ t: 'open', job: asked });
  await until(clock, () => last(back)?.t === 'finish');
  expect(last(back)).toMatchObject({ reason: 'stop', usage: { tokensOut: 30 } });
});

test('an asker with as many jobs as it may have can go on with one of them', async () => {
  const { clock, open, worker } = await scene({ answerTokens: 200 });
  const jobs = Array.from({ length: limits.jobsPerPeerMax }, () => job());
  for (const asked of jobs) await (await open()).send({ t: 'open', job: asked });
  await pass(clock, 20);
  const resumed = await open();
  await resumed.send({ t: 'open', job: { ...jobs[0]!, resume: { text: 'x', tokens: 1 } } });
  const more = await open();
  await more.send({ t: 'open', job: job() });
  await pass(clock, 20);
  expect(resumed.frames[0]).toMatchObject({ t: 'accepted' });
  expect(more.frames).toMatchObject([{ t: 'refused', code: 'busy' }]);
  await worker.provider.stop();
});
