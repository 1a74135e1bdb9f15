import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { systemClock } from '#lib/base/clock.ts';
import { chatCompletionChunkSchema, openAIErrorBodySchema } from '#lib/protocol/openai.ts';
import {
  accepted,
  ask,
  endless,
  failed,
  finished,
  gatewayFixture,
  part,
  readFrames,
  worker,
} from './gateway.fixture.ts';
import { gatewayLimits } from './limits.ts';

describe('a streamed answer', () => {
  test('is chunks, a finish with the receipt, and [DONE]', async () => {
    const { chat } = gatewayFixture();
    const response = await chat(ask({ stream: true }));
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-tabloom-peer')).toBe(worker.peer);
    const frames = await readFrames(response);
    expect(frames.at(-1)).toBe('data: [DONE]');
    // B10: data first, no comment before it.
    const chunks = frames.slice(0, -1).map((frame) => chatCompletionChunkSchema.parse(frame));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Hello' },
      { content: ', you' },
      {},
    ]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.map(({ usage }) => usage)).toEqual([undefined, undefined, undefined, undefined]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
      tabloom: { peer: worker.peer, receipt: { envelope: expect.any(String) } },
    });
  });

  test('with include_usage ends with a chunk without choices, which then carries the receipt', async () => {
    const { chat } = gatewayFixture();
    const frames = await readFrames(await chat(ask({ stream: true, stream_options: { include_usage: true } })));
    const chunks = frames.slice(0, -1).map((frame) => chatCompletionChunkSchema.parse(frame));
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-2)!.tabloom).toBeUndefined();
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      tabloom: { receipt: { envelope: expect.any(String) } },
    });
  });

  test('B10: says something while nothing is said, and only then', async () => {
    const clock = manualClock();
    const { chat } = gatewayFixture(
      async function* (request) {
        yield* accepted(request, clock);
        await clock.delay(gatewayLimits.statusHoldMs + gatewayLimits.keepaliveIntervalMs * 2 + 1);
        yield part('late', clock);
        yield failed('engine-failed');
      },
      { clock },
    );
    const reading = chat(ask({ stream: true })).then(readFrames);
    for (let step = 0; step < 12; step++) await clock.advance(gatewayLimits.keepaliveIntervalMs / 2);
    const frames = await reading;
    expect(frames[0]).toMatchObject({ choices: [{ delta: { role: 'assistant' } }] });
    expect(frames.filter((frame) => frame === ': ping')).toHaveLength(2);
  });

  test('keeps no timer busy while its reader pauses', async () => {
    const clock = manualClock();
    let delays = 0;
    const counting = {
      ...clock,
      delay: (...given: Parameters<typeof clock.delay>) => (delays++, clock.delay(...given)),
    };
    const { chat } = gatewayFixture(
      async function* (request) {
        yield* accepted(request, clock);
        for (;;) yield part('more', clock);
      },
      { clock: counting },
    );
    const response = await chat(ask({ stream: true }));
    const before = delays;
    for (let step = 0; step < 10; step++) await clock.advance(gatewayLimits.keepaliveIntervalMs);
    expect(delays - before).toBeLessThanOrEqual(11);
    await response.body!.cancel();
  });

  test('keeps the status back until a worker has taken it, but not for ever', async () => {
    const clock = manualClock();
    const { chat } = gatewayFixture(
      async function* () {
        yield { type: 'job-routing', at: 0, attempt: 1 };
        await clock.delay(gatewayLimits.statusHoldMs * 2);
        yield failed('no-peer-available');
      },
      { clock },
    );
    let response: Response | undefined;
    const asking = chat(ask({ stream: true })).then((answer) => (response = answer));
    await clock.advance(gatewayLimits.statusHoldMs - 10);
    expect(response).toBeUndefined();
    await clock.advance(20);
    await asking;
    const reading = readFrames(response!);
    for (let step = 0; step < 8; step++) await clock.advance(gatewayLimits.keepaliveIntervalMs / 2);
    const frames = await reading;
    expect(response!.status).toBe(200);
    expect(frames.at(-1)).toMatchObject({ error: { code: 'no_peer_available' } });
  });

  test('whose worker is lost in the middle goes on in the same stream, and says who delivered what', async () => {
    const { chat } = gatewayFixture(async function* (request, _signal, clock) {
      yield* accepted(request, clock);
      yield part('Hel', clock);
      yield { type: 'worker-lost', at: clock.now(), error: { code: 'peer-lost', message: 'It has gone.' } };
      yield* accepted(request, clock, 2);
      yield part('lo', clock);
      yield finished(request, ['lo'], clock);
    });
    const frames = await readFrames(await chat(ask({ stream: true })));
    expect(frames.at(-1)).toBe('data: [DONE]');
    const chunks = frames.slice(0, -1).map((frame) => chatCompletionChunkSchema.parse(frame));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Hel' },
      { content: 'lo' },
      {},
    ]);
    expect(chunks.at(-1)!.tabloom).toMatchObject({
      parts: [
        { from_token: 0, to_token: 1, receipt: null, unreceipted_tokens: 1 },
        { from_token: 1, to_token: 2, receipt: { checks: { output: true } }, unreceipted_tokens: 0 },
      ],
    });
  });

  test('counts text that follows text, whatever comes between and whose it is', async () => {
    const clock = manualClock(0);
    const { chat } = gatewayFixture(
      async function* (request) {
        yield* accepted(request, clock);
        for (const text of ['a', 'b', 'c']) yield part(text, clock);
        yield { type: 'part-received', at: 0, part: { type: 'reasoning-delta', text: 'hm', tokens: 2 } };
        for (const text of ['d', 'e']) yield part(text, clock);
        yield { type: 'worker-lost', at: 0, error: { code: 'peer-lost', message: 'It has gone.' } };
        yield* accepted(request, clock, 2);
        for (const text of ['f', 'g']) yield part(text, clock);
        yield finished(request, ['f', 'g'], clock);
      },
      { clock },
    );
    const frames = await readFrames(await chat(ask({ stream: true })));
    const chunks = frames.slice(0, -1).map((frame) => chatCompletionChunkSchema.parse(frame));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join('')).toBe('abcdefg');
    expect(chunks.at(-1)!.tabloom).toMatchObject({
      parts: [
        { from_token: 0, to_token: 7, unreceipted_tokens: 7 },
        { from_token: 7, to_token: 9, unreceipted_tokens: 0 },
      ],
    });
  });

  test('that breaks in the middle says so in its last frame and does not say it is done', async () => {
    const { chat } = gatewayFixture(async function* (request, _signal, clock) {
      yield* accepted(request, clock);
      yield part('Hel', clock);
      yield failed('peer-lost');
    });
    const frames = await readFrames(await chat(ask({ stream: true })));
    expect(frames).not.toContain('data: [DONE]');
    expect(openAIErrorBodySchema.parse(frames.at(-1)).error).toMatchObject({ code: 'peer_lost', type: 'server_error' });
  });
});

describe('a client that leaves stops the job', () => {
  const leaves = {
    'by closing a stream': async (stopped: Promise<void>, fixture: ReturnType<typeof gatewayFixture>) => {
      const response = await fixture.chat(ask({ stream: true }));
      const reader = response.body!.getReader();
      for (let frame = 0; frame < 4; frame++) await reader.read();
      await reader.cancel();
      await stopped;
    },
    'by aborting while the stream is not being read': async (
      stopped: Promise<void>,
      fixture: ReturnType<typeof gatewayFixture>,
    ) => {
      const client = new AbortController();
      await fixture.chat(ask({ stream: true }), {}, client.signal);
      client.abort();
      await stopped;
    },
    'by aborting a whole answer': async (stopped: Promise<void>, fixture: ReturnType<typeof gatewayFixture>) => {
      const client = new AbortController();
      const response = fixture.chat(ask(), {}, client.signal);
      client.abort();
      await stopped;
      expect((await response).status).toBe(499);
    },
  };
  test.each(Object.entries(leaves))('%s', async (_name, leave) => {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    const fixture = gatewayFixture(endless(resolve), { clock: systemClock });
    await leave(stopped, fixture);
    await fixture.jobs.idle({});
    expect(fixture.jobs.counts).toMatchObject({ running: 0, finished: 0, cancelled: 1 });
  });
});
