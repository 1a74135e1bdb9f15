import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { answers, gatewayFixture } from '../gateway.fixture.ts';
import type { EndedJob } from './activity.ts';

const ended = (job: string, more: Partial<EndedJob> = {}): EndedJob => ({
  job,
  at: 1_000,
  model: 'tabloom-demo',
  kind: 'chat',
  peer: 'p',
  outcome: 'finished',
  tokensIn: 1,
  tokensOut: 2,
  ms: 3,
  ...more,
});

const scene = () => {
  const clock = manualClock();
  const jobs: EndedJob[] = [];
  const sinces: number[] = [];
  let polls = 0;
  const activity = {
    async recent(limit: number) {
      polls += 1;
      return jobs.toReversed().slice(0, limit);
    },
    async hours(since: number) {
      sinces.push(since);
      return [{ hour: 3_600_000, model: 'm', jobs: 2, finished: 1, tokensIn: 3, tokensOut: 4 }];
    },
  };
  const fixture = gatewayFixture(answers('Hello'), { clock, activity });
  return { ...fixture, clock, jobs, sinces, polls: () => polls };
};

test('activity is told by hour and model, for as many hours as asked', async () => {
  const { request, sinces, clock } = scene();
  expect(await (await request('/v1/activity?hours=2')).json()).toEqual({
    object: 'list',
    data: [{ hour: 3_600, model: 'm', jobs: 2, finished: 1, tokens_in: 3, tokens_out: 4 }],
  });
  expect(sinces).toEqual([clock.now() - 3_600_000]);
  for (const hours of ['0', '-1', '745', 'all', '1e2']) {
    expect((await request(`/v1/activity?hours=${hours}`)).status).toBe(400);
  }
});

test('the feed tells each job once as it ends, to every reader, and nothing of who asked', async () => {
  const { request, clock, jobs, polls } = scene();
  jobs.push(ended('1'));
  const open = async () => {
    const leaving = new AbortController();
    const response = await request('/v1/feed', { signal: leaving.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    return { read: async () => (await reader.read()).value, leave: () => leaving.abort() };
  };
  const event = (more: object = {}) => {
    const { job: _, tokensIn, tokensOut, ms, ...told } = ended('');
    return `data: ${JSON.stringify({ ...told, ...more, tokens_in: tokensIn, tokens_out: tokensOut, ms })}\n\n`;
  };
  const [a, b] = [await open(), await open()];
  expect(await a.read()).toBe(`: feed\n\n${event()}`);
  await clock.advance(1_000);
  expect(await b.read()).toBe(`: feed\n\n${event()}`);
  jobs.push(ended('2', { model: 'x' }), ended('3', { model: 'y' }));
  await clock.advance(1_000);
  for (const { read } of [a, b]) expect(await read()).toBe(event({ model: 'x' }) + event({ model: 'y' }));
  await clock.advance(16_000);
  expect(await a.read()).toBe(': ping\n\n');
  a.leave();
  b.leave();
  await clock.advance(1_000);
  const before = polls();
  await clock.advance(10_000);
  expect(polls(), 'without a reader').toBe(before);
});

test('the feed has a limited number of readers', async () => {
  const { request } = scene();
  const leaving = new AbortController();
  for (let i = 0; i < 256; i++) expect((await request('/v1/feed', { signal: leaving.signal })).status).toBe(200);
  expect((await request('/v1/feed')).status).toBe(429);
  leaving.abort();
  const last = new AbortController();
  expect((await request('/v1/feed', { signal: last.signal })).status).toBe(200);
  last.abort();
});
