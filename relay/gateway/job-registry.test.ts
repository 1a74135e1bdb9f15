import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { systemClock } from '#lib/base/clock.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { accepted, ask, endless, failed, finished, gatewayFixture, part, readFrames } from './gateway.fixture.ts';
import { gatewayLimits } from './limits.ts';
import type { AnswerStore, StoredAnswer } from './metering.ts';

const key = { 'idempotency-key': 'k1' };
const textOf = async (response: Response) => (await response.json()).choices[0].message.content;

describe('Idempotency-Key', () => {
  test('the same key and body is answered from the record, not run twice', async () => {
    const { chat, asked } = gatewayFixture();
    const first = await (await chat(ask(), key)).json();
    expect(await (await chat(ask(), key)).json()).toEqual(first);
    expect(asked).toHaveLength(1);
    expect(first.tabloom.job).toBe(asked[0]!.id);
    expect(asked[0]!.id).toMatch(/^[0-9a-f]{32}$/);
  });

  test('an answer under a key is dated by its job, whenever it is asked for', async () => {
    const clock = manualClock();
    const { chat } = gatewayFixture(
      async function* (request) {
        yield* accepted(request, clock);
        yield part('a', clock);
        yield finished(request, ['a'], clock);
      },
      { clock },
    );
    const first = await (await chat(ask(), key)).json();
    await clock.advance(5_000);
    expect(await (await chat(ask(), key)).json()).toEqual(first);
  });

  test('two at once share one run, and one of them may leave', async () => {
    const clock = manualClock();
    const { chat, asked, jobs } = gatewayFixture(
      async function* (request, signal) {
        yield* accepted(request, clock);
        yield part('a', clock);
        await clock.delay(100, { signal });
        yield part('b', clock);
        yield finished(request, ['a', 'b'], clock);
      },
      { clock },
    );
    const stays = await chat(ask({ stream: true }), key);
    const leaves = await chat(ask({ stream: true }), key);
    await leaves.body!.cancel();
    const frames = readFrames(stays);
    await clock.advance(200);
    expect((await frames).filter((frame) => typeof frame === 'object')).toHaveLength(4);
    expect(asked).toHaveLength(1);
    expect(jobs.counts).toMatchObject({ running: 0, finished: 1, cancelled: 0 });
  });

  test('when all have left, the job stops, and the key runs anew under another id', async () => {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    const { chat, asked } = gatewayFixture(
      (request, signal, clock) =>
        asked.length === 1 ? endless(resolve)(request, signal, clock) : answersOnce(request, clock),
      { clock: systemClock },
    );
    async function* answersOnce(request: (typeof asked)[number], clock: typeof systemClock) {
      yield* accepted(request, clock);
      yield part('whole', clock);
      yield finished(request, ['whole'], clock);
    }
    const response = await chat(ask({ stream: true }), key);
    await response.body!.cancel();
    await stopped;
    expect(await (await chat(ask({ stream: true }), key)).text()).toContain('whole');
    expect(new Set(asked.map(({ id }) => id)).size).toBe(2);
  });

  test('a failure is not repeated from the record', async () => {
    const { chat, asked } = gatewayFixture(async function* (request, _signal, clock) {
      if (asked.length === 1) yield failed('no-peer-available');
      else {
        yield* accepted(request, clock);
        yield part('now', clock);
        yield finished(request, ['now'], clock);
      }
    });
    expect((await chat(ask(), key)).status).toBe(503);
    expect(await textOf(await chat(ask(), key))).toBe('now');
  });

  test('a relay that was started anew asks under another id: workers remember the one before with another salt', async () => {
    const [before, after] = [gatewayFixture(undefined, { seed: 1 }), gatewayFixture(undefined, { seed: 2 })];
    await before.chat(ask(), key);
    await after.chat(ask(), key);
    expect(after.asked[0]!.id).toMatch(/^[0-9a-f]{32}$/);
    expect(after.asked[0]!.id).not.toBe(before.asked[0]!.id);
  });

  test('another body, another caller, a bad key', async () => {
    const { chat, asked } = gatewayFixture();
    await chat(ask(), key);
    const reused = await chat(ask({ seed: 2 }), key);
    expect(reused.status).toBe(422);
    expect((await reused.json()).error.code).toBe('idempotency_key_reused');
    expect((await chat(ask({ seed: 2 }), { ...key, authorization: 'Bearer other' })).status).toBe(200);
    expect(asked).toHaveLength(2);
    expect((await chat(ask(), { 'idempotency-key': 'x'.repeat(256) })).status).toBe(400);
  });

  test('records are forgotten by age and by number', async () => {
    const clock = manualClock();
    const { chat, asked } = gatewayFixture(undefined, { clock });
    await chat(ask(), key);
    await clock.advance(gatewayLimits.recordTtlMs + 1);
    await chat(ask(), key);
    expect(asked).toHaveLength(2);
    for (let i = 0; i <= gatewayLimits.recordsMax; i++) await chat(ask(), { 'idempotency-key': `other-${i}` });
    const before = asked.length;
    await chat(ask(), key);
    expect(asked).toHaveLength(before + 1);
  });
});

describe('an answer that is stored', () => {
  /** One store, and any number of gateways that start after each other or share it. */
  const shared = () => {
    const rows = new Map<string, { readonly bodyHash: string; answer?: StoredAnswer }>();
    const released: string[] = [];
    const answers: AnswerStore = {
      async claim({ name, bodyHash }) {
        const row = rows.get(name);
        if (!row) rows.set(name, { bodyHash });
        if (!row) return { type: 'claimed' };
        if (row.bodyHash !== bodyHash) return { type: 'other-body' };
        return row.answer ? { type: 'answered', answer: row.answer } : { type: 'running' };
      },
      async save(name, answer) {
        rows.get(name)!.answer = answer;
      },
      async release(name) {
        rows.delete(name);
        released.push(name);
      },
    };
    return { answers, rows, released };
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  test('is replayed by a process that was started anew, to the byte, and asked for by no one', async () => {
    const { answers, rows } = shared();
    const [before, after] = [gatewayFixture(undefined, { answers }), gatewayFixture(undefined, { answers, seed: 2 })];
    const first = await (await before.chat(ask(), key)).json();
    await settled();
    expect(JSON.stringify([...rows.values()]), 'the prompt is not stored').not.toContain('hello');
    expect(await (await after.chat(ask(), key)).json()).toEqual(first);
    expect(after.asked).toEqual([]);
    expect((await after.chat(ask({ seed: 2 }), key)).status).toBe(422);
    expect((await gatewayFixture(undefined, { answers }).chat(ask({ seed: 2 }), key)).status).toBe(422);
  });

  test('is not made twice at once: a gateway that shares the store says to wait', async () => {
    const { answers } = shared();
    const clock = manualClock();
    const [here, there] = [
      gatewayFixture(
        async function* (request, signal) {
          yield* accepted(request, clock);
          await clock.delay(100, { signal });
          yield part('a', clock);
          yield finished(request, ['a'], clock);
        },
        { clock, answers },
      ),
      gatewayFixture(undefined, { answers }),
    ];
    const running = here.chat(ask(), key);
    await settled();
    const refused = await there.chat(ask(), key);
    expect(refused.status).toBe(409);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect((await refused.json()).error.code).toBe('idempotency_key_in_use');
    await clock.advance(100);
    const answer = await (await running).json();
    await settled();
    expect(await (await there.chat(ask(), key)).json()).toEqual(answer);
    expect(there.asked).toEqual([]);
  });

  test('is given back by a run that failed, and by one that found no place', async () => {
    const { answers, rows, released } = shared();
    const { chat, jobs, asked } = gatewayFixture(
      async function* () {
        yield failed('no-peer-available');
      },
      { answers },
    );
    expect((await chat(ask(), key)).status).toBe(503);
    await settled();
    expect([rows.size, released.length]).toEqual([0, 1]);
    jobs.drain();
    expect((await chat(ask(), key)).status).toBe(503);
    await settled();
    expect([rows.size, released.length, asked.length]).toEqual([0, 2, 1]);
  });
});

describe('limits and shutdown', () => {
  test('a full gateway says so and when to come back', async () => {
    const { chat, jobs } = gatewayFixture(
      endless(() => undefined),
      { clock: systemClock },
    );
    const open: Response[] = [];
    for (let i = 0; i < gatewayLimits.jobsMax; i++) open.push(await chat(ask({ stream: true })));
    const refused = await chat(ask({ stream: true }));
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('2');
    await Promise.all(open.map((response) => response.body!.cancel()));
    await jobs.idle({});
    expect(jobs.counts.running).toBe(0);
  });

  test('one address takes its share of the places and no more, whatever keys it sends, and gives them back', async () => {
    const { gateway, jobs } = gatewayFixture(
      endless(() => undefined),
      { clock: systemClock },
    );
    const askFrom = (client: string, number: number) =>
      gateway.fetch(
        new Request('http://localhost:8080/v1/chat/completions', {
          method: 'POST',
          headers: {
            host: 'localhost:8080',
            'content-type': 'application/json',
            ...(number % 2 === 0 ? { 'idempotency-key': `${client} ${number}` } : {}),
          },
          body: JSON.stringify(ask({ stream: true })),
        }),
        { client },
      );
    const { jobsPerAddressMaxDefault } = gatewayLimits;
    const open: Response[] = [];
    for (let i = 0; i < jobsPerAddressMaxDefault; i++) open.push(await askFrom('192.0.2.1', i));
    expect(open.map(({ status }) => status)).not.toContain(429);
    expect((await askFrom('192.0.2.1', 1_000)).status).toBe(429);
    expect((await askFrom('192.0.2.1', 1_001)).status).toBe(429);
    open.push(await askFrom('198.51.100.1', 0), await askFrom('198.51.100.1', 1));
    for (let i = 0; i <= jobsPerAddressMaxDefault; i++) open.push(await askFrom('127.0.0.1', i));
    expect(open.map(({ status }) => status)).not.toContain(429);
    await Promise.all(open.map((response) => response.body!.cancel()));
    await jobs.idle({});
    const again = await askFrom('192.0.2.1', 2_000);
    expect(again.status).toBe(200);
    await again.body!.cancel();
  });

  test('draining refuses what is new, lets what runs go on, and stops it when told', async () => {
    const { chat, jobs } = gatewayFixture(
      endless(() => undefined),
      { clock: systemClock },
    );
    const running = await chat(ask({ stream: true }));
    jobs.drain();
    const refused = await chat(ask());
    expect(refused.status).toBe(503);
    expect((await refused.json()).error.code).toBe('draining');
    const frames = readFrames(running);
    jobs.abort(wireError('draining', 'This relay stopped before the answer had ended. Ask another one.'));
    await jobs.idle({});
    expect((await frames).at(-1)).toMatchObject({ error: { code: 'draining' } });
  });
});
